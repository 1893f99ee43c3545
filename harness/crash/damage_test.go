package crash

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stopped leaves a run that was killed behind its second checkpoint.
func (b *bed) stopped(t *testing.T, name string) (results string) {
	t.Helper()
	results = filepath.Join(t.TempDir(), "results")
	cmd := b.command(t, name, results)
	cmd.Env = append(cmd.Env, "RANKLAB_FAILPOINT=backward pass done:9")
	out, err := cmd.CombinedOutput()
	if !killed(t, cmd, err, out) {
		t.Fatal("the run ended before it could be killed")
	}
	return results
}

// TestDamage flips bits in, cuts off, empties and deletes every file of a run
// that was killed. The next start ends with the same bits, or says which file is
// damaged and leaves it.
func TestDamage(t *testing.T) {
	b := newBed(t, oneOf("galore"))
	draw := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	damages := map[string]func(t *testing.T, path string, data []byte) error{
		"flip": func(t *testing.T, path string, data []byte) error {
			data[draw.IntN(len(data))] ^= 1 << draw.IntN(8)
			return os.WriteFile(path, data, 0o666)
		},
		"cut": func(t *testing.T, path string, data []byte) error {
			return os.Truncate(path, int64(draw.IntN(len(data))))
		},
		"empty":  func(t *testing.T, path string, data []byte) error { return os.Truncate(path, 0) },
		"delete": func(t *testing.T, path string, data []byte) error { return os.Remove(path) },
	}
	refused := 0
	for what, damage := range damages {
		template := b.stopped(t, b.names[0])
		files := filesOf(t, template)
		for _, file := range files {
			name := b.names[0]
			results := filepath.Join(t.TempDir(), "results")
			if err := os.CopyFS(results, os.DirFS(template)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(results, file)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) == 0 || strings.Contains(file, "attempts") { // what an attempt has left is read by people only
				continue
			}
			original := bytes.Clone(data)
			if err := damage(t, path, data); err != nil {
				t.Fatal(err)
			}
			damaged, _ := os.ReadFile(path) // none if it was deleted
			out, err := b.command(t, name, results).CombinedOutput()
			if err == nil {
				read(t, results).mustEqual(t, b.alone[name])
			} else if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, damaged) || !strings.Contains(string(out), filepath.Base(file)) {
				t.Errorf("it neither carries on nor says what is wrong and leaves it: %s", out)
			} else {
				refused++
			}
			if t.Failed() {
				t.Fatalf("after %s of %s:\n%q\nwas\n%q", what, file, shown(damaged), shown(original))
			}
		}
	}
	t.Logf("refused %d times", refused)
}

func shown(data []byte) []byte { return data[:min(len(data), 600)] }

// filesOf lists the files of the only run below results.
func filesOf(t *testing.T, results string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(results, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(results, path)
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestStaleLock: a lock file is no lock. The kernel's is gone with the process
// that held it, whatever the file says.
func TestStaleLock(t *testing.T) {
	b := newBed(t, oneOf("lowrank"))
	name := b.names[0]
	results := b.stopped(t, name)
	locks, err := filepath.Glob(filepath.Join(results, "runs", "*", "lock"))
	if err != nil || len(locks) != 1 {
		t.Fatal(locks, err)
	}
	if err := os.WriteFile(locks[0], fmt.Appendf(nil, "%d\n", os.Getpid()), 0o666); err != nil { // a process that lives
		t.Fatal(err)
	}
	if out, err := b.command(t, name, results).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	read(t, results).mustEqual(t, b.alone[name])
}

// exitCode returns how a command ended.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

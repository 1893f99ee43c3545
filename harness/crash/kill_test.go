package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ranklab/harness/record"
	"ranklab/harness/train"
)

// program is ranklab with failpoints; TestMain builds it.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ranklab-crash-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "ranklab")
		build := exec.Command("go", "build", "-tags", "failpoint", "-o", program, "ranklab")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, out)
			return 1
		}
		return m.Run()
	}())
}

// A bed is a folder in which runs of the matrix are trained, with what each of
// them gives when it is left alone.
type bed struct {
	dir   string
	names []string
	specs map[string]string
	alone map[string]outcome
}

// newBed trains the runs of the matrix that are wanted.
func newBed(t *testing.T, wanted func(name string) bool) *bed {
	t.Helper()
	b := &bed{dir: t.TempDir(), specs: map[string]string{}, alone: map[string]outcome{}}
	names, files := matrix(t, b.dir)
	for i, name := range names {
		if !wanted(name) {
			continue
		}
		b.names, b.specs[name] = append(b.names, name), files[i]
		results := filepath.Join(b.dir, "alone", name)
		began := time.Now()
		if out, err := b.command(t, name, results).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		took := time.Since(began)
		b.alone[name] = read(t, results)
		b.alone[name] = b.alone[name].in(took)
	}
	return b
}

// every wants all runs of methods, or of all if none is named.
func every(methods ...string) func(string) bool {
	return func(name string) bool {
		return len(methods) == 0 || slices.ContainsFunc(methods, func(m string) bool { return strings.HasPrefix(name, m) })
	}
}

// oneOf wants the first run of each method.
func oneOf(methods ...string) func(string) bool {
	return func(name string) bool {
		i := slices.IndexFunc(methods, func(m string) bool { return strings.HasPrefix(name, m) })
		if i >= 0 {
			methods = slices.Delete(methods, i, i+1)
		}
		return i >= 0
	}
}

// command trains a run, one thread at a time so that tests may run beside it.
func (b *bed) command(t *testing.T, name, results string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), program, "train", b.specs[name], "--results", results, "--cache", filepath.Join(b.dir, "cache"), "--threads", "1")
	cmd.Env = append(os.Environ(), "RANKLAB_FAILPOINT=")
	return cmd
}

// An outcome is what must not depend on how often a run was killed.
type outcome struct {
	files   map[string][]byte // rows, digests, subspaces, and the last checkpoint's tensors
	summary string            // what is deterministic of it
	took    time.Duration
}

func (o outcome) in(d time.Duration) outcome {
	o.took = d
	return o
}

// read reads the only run below results, which must be finished and whole.
func read(t *testing.T, results string) outcome {
	t.Helper()
	runs, err := record.Own(results)
	if err != nil || len(runs) != 1 || !runs[0].Finished() || runs[0].Problem != nil {
		t.Fatalf("%s: %v, %+v", results, err, runs)
	}
	dir, s := runs[0].Dir, *runs[0].Summary
	for _, pattern := range []string{"*.json", "attempts/*/*.json"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if data, err := os.ReadFile(path); err != nil || !json.Valid(data) {
				t.Errorf("%s is no JSON: %v", path, err)
			}
		}
	}
	o := outcome{files: map[string][]byte{}}
	checkpoints, err := filepath.Glob(filepath.Join(dir, "ckpt", "step-*"))
	if err != nil || len(checkpoints) != 1 {
		t.Fatalf("checkpoints of a finished run: %v, %v", checkpoints, err)
	}
	for _, path := range []string{"metrics.jsonl", "digests.jsonl", "ckpt/" + filepath.Base(checkpoints[0]) + "/model.safetensors", "ckpt/" + filepath.Base(checkpoints[0]) + "/state.safetensors"} {
		if o.files[path], err = os.ReadFile(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(resolved(t, dir), "subspace = true") {
		if o.files["subspace.jsonl"], err = os.ReadFile(filepath.Join(dir, "subspace.jsonl")); err != nil {
			t.Fatal(err)
		}
	}
	o.summary = fmt.Sprint(s.ID, s.NumbersID, s.State, s.Reason, s.Steps, s.TokensSeen, s.Positions, s.Epochs, s.Final, s.Best, s.StateDigest, s.FLOPs, s.CheckpointBytes > 0, s.Memory)
	return o
}

// resolved reads the spec of the run of a folder.
func resolved(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(record.SpecPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustEqual compares a run that was killed with one that was left alone.
func (o outcome) mustEqual(t *testing.T, alone outcome) {
	t.Helper()
	for name, data := range alone.files {
		if !bytes.Equal(o.files[name], data) {
			t.Errorf("%s differs from that of a run that was left alone", name)
		}
	}
	if o.summary != alone.summary {
		t.Errorf("summary\n%s\nof a run that was left alone\n%s", o.summary, alone.summary)
	}
}

// killed reports whether a command ended by being killed, and fails the test if
// it ended in any other way but well.
func killed(t *testing.T, cmd *exec.Cmd, err error, output []byte) bool {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.ExitCode() == -1: // by a signal
		return true
	}
	t.Fatalf("%s: %v\n%s", cmd, err, output)
	return false
}

// TestFailpoints kills runs at every place that is named in the program, the
// first time and later times that it is reached.
func TestFailpoints(t *testing.T) {
	b := newBed(t, every("relora", "galore"))
	for _, c := range []struct {
		place  string
		method string // where the place is
	}{
		{"file written", "galore"}, {"file synced", "relora"}, {"file renamed", "galore"},
		{"row due", "galore"}, {"row written", "relora"},
		{"tensors written", "relora"}, {"checkpoint complete", "galore"}, {"checkpoint renamed", "relora"}, {"checkpoint removed", "galore"},
		{"backward pass done", "relora"}, {"weights updated", "galore"}, {"evaluating", "relora"},
		{"digests computed", "galore"}, {"rows cut back", "relora"}, {"summary due", "galore"}, {"summary written", "relora"},
		{"basis found", "galore"}, {"adapter merged", "relora"}, {"moment reset", "relora"}, {"warm start ended", "relora"},
	} {
		var names []string
		for _, name := range b.names {
			if strings.HasPrefix(name, c.method) {
				names = append(names, name)
			}
		}
		t.Run(strings.ReplaceAll(c.place, " ", "-"), func(t *testing.T) {
			t.Parallel()
			kills := 0
			for i, n := range []int{1, 2, 5, 11} {
				name := names[(i+len(c.place))%len(names)]
				results := t.TempDir()
				cmd := b.command(t, name, results)
				cmd.Env = append(cmd.Env, fmt.Sprintf("RANKLAB_FAILPOINT=%s:%d", c.place, n))
				out, err := cmd.CombinedOutput()
				if killed(t, cmd, err, out) {
					kills++
					if out, err := b.command(t, name, results).CombinedOutput(); err != nil {
						t.Fatalf("%s killed at %q, call %d, does not carry on: %v\n%s", name, c.place, n, err, out)
					}
				}
				read(t, results).mustEqual(t, b.alone[name])
			}
			if kills == 0 {
				t.Errorf("%q was never reached", c.place)
			}
		})
	}
}

// kills is how often TestRandomKills kills: RANKLAB_KILLS, or 30, or 100 in the
// full tests.
func kills(t *testing.T) int {
	if text := os.Getenv("RANKLAB_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("RANKLAB_KILLS: %v", err)
		}
		return n
	}
	if os.Getenv("RANKLAB_FULL") != "" {
		return 100
	}
	return 30
}

// TestRandomKills kills runs of the whole matrix at any moment, tears the rows
// that a power cut could have lost, and starts them again, until they end.
func TestRandomKills(t *testing.T) {
	b := newBed(t, every())
	want := kills(t)
	draw := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	done, trials := 0, 0
	for ; done < want; trials++ {
		if trials > 10*want+100 {
			t.Fatalf("%d kills in %d trials: runs end before they can be killed", done, trials)
		}
		name := b.names[trials%len(b.names)]
		alone, results := b.alone[name], filepath.Join(b.dir, "killed")
		var story []string
		for often := 1 + draw.IntN(2); ; {
			cmd := b.command(t, name, results)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			good := newestGood(t, results)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			after := time.Duration(draw.Int64N(int64(alone.took)))
			timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may have ended
			if len(story) >= often {
				timer.Stop()
			}
			err := cmd.Wait()
			timer.Stop()
			if !killed(t, cmd, err, out.Bytes()) {
				break
			}
			done++
			if now := newestGood(t, results); now < good {
				t.Errorf("there was a good checkpoint of update %d before the kill, and is one of %d after it", good, now)
			}
			story = append(story, after.String())
			if torn := tear(t, results, draw); torn != "" {
				story = append(story, torn)
			}
		}
		read(t, results).mustEqual(t, alone)
		if t.Failed() {
			t.Fatalf("%s, killed after %v", name, story)
		}
		if err := os.RemoveAll(results); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills of %d runs", done, trials)
}

// newestGood returns the number of updates of the newest checkpoint that a run
// could carry on from; 0 if there is none.
func newestGood(t *testing.T, results string) int {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(results, "runs", "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		steps, err := train.CheckpointSteps(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if train.Fork(dir, step, t.TempDir(), filepath.Base(dir)) == nil {
				return step
			}
		}
	}
	return 0
}

// tear cuts one of the files of rows at any place, as a power cut may, every
// third time. A checkpoint that counts on what is gone does not count itself.
// The rows of a run with a summary were made durable before it: they stay.
func tear(t *testing.T, results string, draw *rand.Rand) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(results, "runs", "*", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	finished, err := filepath.Glob(filepath.Join(results, "runs", "*", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 || len(finished) > 0 || draw.IntN(3) > 0 {
		return ""
	}
	path := files[draw.IntN(len(files))]
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return ""
	}
	n := draw.Int64N(info.Size())
	if err := os.Truncate(path, n); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s cut from %d to %d bytes", filepath.Base(path), info.Size(), n)
}

// runID returns the id of the only run below results.
func runID(t *testing.T, results string) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(results, "runs", "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatal(dirs, err)
	}
	return filepath.Base(dirs[0])
}

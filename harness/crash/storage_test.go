//go:build linux

package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mounted runs a script of the shell as the root of a mount namespace of its
// own. It needs a kernel that lets users, or at least root, have one.
func mounted(t *testing.T, script string, args ...string) ([]byte, error) {
	t.Helper()
	options := "-Urm"
	if exec.CommandContext(t.Context(), "unshare", options, "true").Run() != nil {
		options = "-m" // no namespaces for users; root has them without
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{options, "sh", "-euc", script, "sh"}, args...)...)
	cmd.Env = append(os.Environ(), "RANKLAB_FAILPOINT=")
	return cmd.CombinedOutput()
}

// TestFullDisk trains on a disk that is too small, and makes it larger step by
// step. Each time the run says what is wrong; none takes away a checkpoint that
// was good; in the end it ends as one that had room.
func TestFullDisk(t *testing.T) {
	b := newBed(t, oneOf("galore", "relora"))
	for _, name := range b.names {
		dir := t.TempDir()
		// $1 the disk, $2 the program, $3 the spec, $4 the cache, $5 where the result goes
		out, err := mounted(t, `
			size=60
			mount -t tmpfs -o size=${size}k tmpfs "$1"
			failed=0
			until "$2" train "$3" --results "$1/results" --cache "$4" --threads 1 2> "$5/err"; do
				code=$?
				grep -q 'no space left on device' "$5/err" || { cat "$5/err"; exit 1; }
				test $code = 1
				failed=$((failed+1))
				ls -d "$1"/results/runs/*/ckpt/step-* >> "$5/checkpoints" 2>/dev/null || true
				echo "size $size" >> "$5/checkpoints"
				size=$((size+60))
				mount -o remount,size=${size}k "$1"
			done
			cp -r "$1/results" "$5/results"
			echo failed $failed`,
			t.TempDir(), program, b.specs[name], filepath.Join(b.dir, "cache"), dir)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		var failed int
		if _, err := fmt.Sscanf(string(out), "failed %d", &failed); err != nil || failed < 3 {
			t.Errorf("%s: the disk was full %d times: %v\n%s", name, failed, err, out)
		}
		read(t, filepath.Join(dir, "results")).mustEqual(t, b.alone[name])
		never(t, filepath.Join(dir, "checkpoints"))
	}
}

// never makes sure that the newest checkpoint in a log of listings never becomes
// an older one, or none.
func never(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newest, now := "", ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "size ") {
			now = max(now, filepath.Base(line))
			continue
		}
		if now < newest {
			t.Errorf("with %s the newest checkpoint is %q; it was %q", line, now, newest)
		}
		newest, now = max(newest, now), ""
	}
	if newest == "" {
		t.Error("no attempt left a checkpoint: the steps of the disk's size are too large for this test to see anything")
	}
}

// TestReadOnly: results on a disk that nobody can write to can be read, and a
// run there says what is wrong and changes nothing.
func TestReadOnly(t *testing.T) {
	b := newBed(t, oneOf("lora", "full"))
	name, other := b.names[0], b.names[1]
	results := filepath.Join(b.dir, "alone", name)
	before := read(t, results)
	out, err := mounted(t, `
		mount --bind "$1" "$1"
		mount -o remount,ro,bind "$1"
		"$2" status --results "$1"
		"$2" show "$5" --results "$1" > /dev/null
		"$2" train "$3" --results "$1" --cache "$4" --threads 1 # finished: nothing to write
		if "$2" train "$6" --results "$1" --cache "$4" --threads 1; then exit 1; fi`,
		results, program, b.specs[name], filepath.Join(b.dir, "cache"), runID(t, results), b.specs[other])
	if err != nil || !strings.Contains(string(out), "read-only file system") || !strings.Contains(string(out), "done") {
		t.Errorf("%v\n%s", err, out)
	}
	read(t, results).mustEqual(t, before)
}

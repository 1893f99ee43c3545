package crash

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestKilledSweeps kills the process that drives a sweep. The runs that it
// started stop with a checkpoint when they notice; the next sweep, begun at once,
// waits for those that have not noticed yet, and ends with the same bits.
func TestKilledSweeps(t *testing.T) {
	b := newBed(t, every())
	results := filepath.Join(b.dir, "swept")
	sweep := func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program, "sweep", filepath.Join(b.dir, "matrix.toml"), "--results", results, "--cache", filepath.Join(b.dir, "cache"), "-j", "3", "-t", "1", "--no-calibration")
		cmd.Env = append(os.Environ(), "RANKLAB_FAILPOINT=")
		return cmd
	}
	var total time.Duration
	for _, o := range b.alone {
		total += o.took
	}
	draw := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	kills := 0
	for range 4 {
		cmd := sweep()
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(draw.Int64N(int64(total/6))), func() { _ = cmd.Process.Kill() }) // it may have ended
		err := cmd.Wait()
		timer.Stop()
		if killed(t, cmd, err, out.Bytes()) {
			kills++
		}
	}
	if out, err := sweep().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if kills == 0 {
		t.Error("no sweep was killed")
	}
	for _, name := range b.names {
		t.Run(name, func(t *testing.T) {
			// A results folder of the one run, to be read as the others are.
			alone := filepath.Join(b.dir, "alone", name)
			id := runID(t, alone)
			one := filepath.Join(t.TempDir(), "one")
			if err := os.CopyFS(filepath.Join(one, "runs", id), os.DirFS(filepath.Join(results, "runs", id))); err != nil {
				t.Fatal(err)
			}
			read(t, one).mustEqual(t, b.alone[name])
		})
	}
}

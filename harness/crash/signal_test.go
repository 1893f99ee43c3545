//go:build unix

package crash

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ranklab/harness/golden"
	"ranklab/harness/record"
)

// TestSignals: a signal stops a run with a checkpoint and the exit code that
// schedulers know, and so do two at once, which is what service managers, the
// end of a session and timeout(1) send. The next start carries on.
func TestSignals(t *testing.T) {
	b := newBed(t, oneOf("galore-svd", "full"))
	for _, c := range []struct {
		first, second syscall.Signal
		codes         []int // two, where either signal may arrive first
	}{
		{syscall.SIGINT, 0, []int{130}},
		{syscall.SIGTERM, 0, []int{75}},
		{syscall.SIGHUP, 0, []int{75}},
		{syscall.SIGINT, syscall.SIGINT, []int{130}},
		{syscall.SIGTERM, syscall.SIGTERM, []int{75}},
		{syscall.SIGTERM, syscall.SIGHUP, []int{75}},
		{syscall.SIGTERM, syscall.SIGINT, []int{75, 130}},
	} {
		if signal.Ignored(c.first) { // under nohup, and so it would be in the run
			continue
		}
		name := b.names[int(c.first)%len(b.names)]
		var results string
		var out bytes.Buffer
		code := 0
		for trial := 0; code == 0; trial++ { // until a run is not faster than the signal
			if trial == 20 {
				t.Fatalf("%v: 20 runs ended before it reached them", c.first)
			}
			results = filepath.Join(t.TempDir(), "results")
			cmd := b.command(t, name, results)
			out.Reset()
			cmd.Stderr = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitRow(t, results)
			for _, s := range []syscall.Signal{c.first, c.second} {
				if s != 0 {
					_ = cmd.Process.Signal(s) // it may have ended
				}
			}
			code = exitCode(cmd.Wait())
		}
		if !slices.Contains(c.codes, code) {
			t.Errorf("%v, %v: exit code %d, want %d\n%s", c.first, c.second, code, c.codes, out.Bytes())
		}
		if newestGood(t, results) == 0 {
			t.Errorf("%v, %v left no checkpoint", c.first, c.second)
		}
		if !strings.Contains(out.String(), "the same command carries on") {
			t.Errorf("%v, %v: %s", c.first, c.second, out.Bytes())
		}
		if out, err := b.command(t, name, results).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		read(t, results).mustEqual(t, b.alone[name])
	}
}

// TestIgnoredSignals: what a run was started to ignore, as nohup does, it ignores.
func TestIgnoredSignals(t *testing.T) {
	b := newBed(t, oneOf("full"))
	name, results := b.names[0], filepath.Join(t.TempDir(), "results")
	cmd := b.command(t, name, results)
	deaf := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `trap "" HUP INT; exec "$@"`, "sh"}, cmd.Args...)...)
	deaf.Env = cmd.Env
	var out bytes.Buffer
	deaf.Stderr = &out
	if err := deaf.Start(); err != nil {
		t.Fatal(err)
	}
	waitRow(t, results)
	ended := make(chan error)
	go func() { ended <- deaf.Wait() }()
	for sent := 0; ; sent++ {
		_ = deaf.Process.Signal([]os.Signal{syscall.SIGHUP, os.Interrupt}[sent%2]) // it may have ended
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v\n%s", err, out.Bytes())
			}
			read(t, results).mustEqual(t, b.alone[name])
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestStoppedSweeps: a sweep whose run is stopped, by a signal to itself or to the
// run alone, says so by its exit code; the next one carries on. It was started
// as scripts start what runs in the background, with SIGINT ignored.
func TestStoppedSweeps(t *testing.T) {
	dir := t.TempDir()
	text, file := filepath.Join(dir, "text"), filepath.Join(dir, "one.toml")
	if err := golden.WriteText(text); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, protocol+"[method.adamw]\nkind = \"adamw\"\nlr = 0.01\n", text), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, alone := range []bool{false, true} {
		results := filepath.Join(t.TempDir(), "results")
		sweep := func() *exec.Cmd {
			return exec.CommandContext(t.Context(), "sh", "-c", `trap "" INT; exec "$@"`, "sh",
				program, "sweep", file, "-S", "train.steps=400", "--results", results, "--cache", filepath.Join(dir, "cache"), "-j", "1", "-t", "1", "--no-calibration")
		}
		cmd := sweep()
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitRow(t, results)
		target := cmd.Process.Pid
		if alone {
			runs, err := record.Own(results)
			if err != nil || len(runs) != 1 || runs[0].Status == nil {
				t.Fatal(err, runs)
			}
			target = runs[0].Status.PID
		}
		if err := syscall.Kill(target, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := exitCode(cmd.Wait()); code != 75 {
			t.Errorf("signal to the run alone: %v; exit code %d, want 75\n%s", alone, code, out.Bytes())
		}
		if newestGood(t, results) == 0 {
			t.Errorf("signal to the run alone: %v; no checkpoint", alone)
		}
		if out, err := sweep().CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		read(t, results)
	}
}

// waitRow waits until the only run below results has written a row.
func waitRow(t *testing.T, results string) {
	t.Helper()
	for range 2000 {
		files, err := filepath.Glob(filepath.Join(results, "runs", "*", "metrics.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			if info, err := os.Stat(files[0]); err == nil && info.Size() > 0 {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("no row was written")
}

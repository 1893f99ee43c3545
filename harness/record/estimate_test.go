package record

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEstimate: an estimate is stored with its sum, replaced while the run has
// not begun, and kept from then on; a damaged one is written anew.
func TestEstimate(t *testing.T) {
	root, id := t.TempDir(), "0123456789abcdef"
	read := func() float64 {
		t.Helper()
		r, err := Read(Dir(root, id))
		if err != nil || r.Estimate == nil {
			t.Fatalf("no estimate: %v, %v", err, r.Problem)
		}
		return float64(r.Estimate.TotalS)
	}
	write := func(train Float, replace bool) {
		t.Helper()
		e := Estimate{How: Rough, Time: Durations{TrainS: train, RefreshS: 1, EvalS: 2, CheckpointS: 3, SetupS: 4}}
		if err := WriteEstimate(root, id, e, replace); err != nil {
			t.Fatal(err)
		}
	}
	write(10, false)
	if got := read(); got != 19 { // refreshes are part of training
		t.Errorf("total %v, want 19", got)
	}
	write(20, true)
	if got := read(); got != 29 {
		t.Errorf("total %v after a new plan, want 29", got)
	}
	write(30, false)
	if got := read(); got != 29 {
		t.Errorf("total %v after the plan of a resume, want the first 29", got)
	}
	if err := os.WriteFile(filepath.Join(Dir(root, id), estimateFile), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	write(40, false)
	if got := read(); got != 49 {
		t.Errorf("total %v in the place of a damaged file, want 49", got)
	}
}

// TestWaiting: the share of its time that a thread has waited, on average.
func TestWaiting(t *testing.T) {
	s := Summary{Threads: 2, Time: Durations{TrainS: 90, RefreshS: 20, EvalS: 10, WaitedS: 50}}
	if got := s.Waiting(); got != 0.25 {
		t.Errorf("50 thread-seconds of 100 s on 2 threads are %v", got)
	}
	for _, unknown := range []Summary{{}, {Threads: 2}, {Threads: 2, Time: Durations{TrainS: 90}}} {
		if got := unknown.Waiting(); got != 0 {
			t.Errorf("%+v: %v", unknown.Time, got)
		}
	}
}

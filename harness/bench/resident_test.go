package bench

import (
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"ranklab/harness/train"
)

// TestMain lets this test binary be the process whose memory is measured.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args[1:], ResidentCommand) {
		debug.SetGCPercent(train.GCPercent)
		if err := Resident(os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestPeak: a run's process takes what its ledger says, at most a tenth more,
// for every method and way to execute it; and layer-wise GaLore takes less than
// full-rank Adam that keeps all gradients.
func TestPeak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the peak is not that of the resident size: see train.Residence.Measure")
	}
	o := Options{Sections: []string{"memory"}, Presets: []string{"20m"}, Threads: 2, Tokens: 256, Length: 128}
	if os.Getenv("RANKLAB_FULL") != "" {
		o.Presets, o.Tokens, o.Length = []string{"60m"}, 1024, 256
	}
	var err error
	if o.Binary, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Occupancies) != 25 {
		t.Fatalf("%d measurements, want 5 methods executed in 5 ways", len(r.Occupancies))
	}
	peak := map[string]int64{}
	for _, c := range r.Occupancies {
		if c.Peak == 0 {
			t.Fatal("no peak was measured")
		}
		t.Logf("%s %s, %s: ledger %d, peak %d, ratio %.3f", c.Preset, c.Method, c.Execution, c.Ledger, c.Peak, c.Ratio())
		if float64(c.Peak) > 1.10*float64(c.Ledger) {
			t.Errorf("%s %s, %s: peak of %d bytes, ledger %d", c.Preset, c.Method, c.Execution, c.Peak, c.Ledger)
		}
		if c.Predicted != c.Ledger {
			t.Errorf("%s %s, %s: ledger %d, predicted %d", c.Preset, c.Method, c.Execution, c.Ledger, c.Predicted)
		}
		if c.Peak < c.Ledger*9/10 {
			t.Errorf("%s %s, %s: peak of %d bytes, although the ledger has %d", c.Preset, c.Method, c.Execution, c.Peak, c.Ledger)
		}
		if c.Steady > c.Refresh || c.Steady > c.Checkpoint || max(c.Refresh, c.Checkpoint) > c.Ledger {
			t.Errorf("%s %s: in use %d, in a refresh %d, in a checkpoint %d of %d", c.Preset, c.Method, c.Steady, c.Refresh, c.Checkpoint, c.Ledger)
		}
		peak[c.Method+", "+c.Execution] = c.Peak
	}
	if g, a := peak["galore, layer-wise"], peak["adamw, all gradients"]; g >= a*9/10 {
		t.Errorf("layer-wise GaLore takes %d bytes, full-rank Adam %d", g, a)
	}
	for _, method := range []string{"adamw", "lowrank", "lora", "relora", "galore"} {
		if again, kept := peak[method+", checkpointing"], peak[method+", all gradients"]; again >= kept {
			t.Errorf("%s takes %d bytes with activation checkpointing, %d without", method, again, kept)
		}
	}
}

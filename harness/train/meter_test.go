package train

import (
	"testing"

	"ranklab/harness/record"
)

// TestMeter: samples stay few however long the run, keep their order and cover
// all of it; the peak grows with what the process touches and names its phase.
func TestMeter(t *testing.T) {
	m := newMeter(nil, 0)
	if _, peak := resident(); peak == 0 {
		t.Fatal("the resident size of this process is not read")
	}
	m.sample(0, "set-up")
	before := m.measured.PeakBytes
	block := make([]byte, 64<<20+before)
	for i := range block {
		block[i] = 1
	}
	m.sample(1, "update")
	got := m.measured
	if got.PeakStep != 1 || got.PeakPhase != "update" || got.PeakBytes < before+60<<20 {
		t.Errorf("peak of %d bytes at step %d in %q, from %d", got.PeakBytes, got.PeakStep, got.PeakPhase, before)
	}
	for step := 2; step <= 3000; step++ {
		m.sample(step, "update")
	}
	got = m.measured
	if n := len(got.RSS); n > maxSamples || n < maxSamples/4 || got.RSS[0].Step != 0 || got.RSS[n-1].Step < 2900 {
		t.Errorf("%d samples from step %d to %d", n, got.RSS[0].Step, got.RSS[n-1].Step)
	}
	for i := range got.RSS[1:] {
		if got.RSS[i].Step >= got.RSS[i+1].Step {
			t.Errorf("sample %d is of step %d, the next of %d", i, got.RSS[i].Step, got.RSS[i+1].Step)
		}
	}
	if block[len(block)-1] != 1 {
		t.Error("the block was not kept")
	}
}

// TestMeterCarriesOn: a resumed run keeps the samples up to its checkpoint and
// the larger peak of both attempts.
func TestMeterCarriesOn(t *testing.T) {
	earlier := &record.Measured{Measure: residentMeasure, PeakBytes: 1 << 50, PeakStep: 7, PeakPhase: "evaluation", RSS: []record.RSSSample{
		{Step: 5, Phase: "update", Bytes: 1}, {Step: 10, Phase: "update", Bytes: 2}, {Step: 15, Phase: "update", Bytes: 3},
	}}
	m := newMeter(earlier, 10)
	m.sample(10, "set-up")
	if got := m.measured; got.PeakBytes != 1<<50 || got.PeakStep != 7 || len(got.RSS) != 3 || got.RSS[2].Phase != "set-up" {
		t.Errorf("measured %+v", got)
	}
	if m := newMeter(&record.Measured{Measure: "another", PeakBytes: 1 << 50}, 10); m.measured.PeakBytes != 0 {
		t.Error("measures of two kinds are mixed")
	}
}

package train

import (
	"slices"

	"ranklab/harness/record"
)

// A meter follows the resident size of the run's process: samples along the
// run, and the phase in which the peak was reached.
type meter struct {
	measured record.Measured
	base     int64 // before the run was assembled, of this process
	named    int64 // the peak when its phase was noted: what adds less than 1 % has none
	seen     int   // samples offered since the last one kept
	stride   int   // samples offered per sample kept
}

// maxSamples bounds the samples of a run. When they are full every second one is
// dropped, and from then on every second one is kept.
const maxSamples = 256

// newMeter carries on from what an earlier attempt at the run measured, up to
// the step at which this one starts.
func newMeter(earlier *record.Measured, step int) *meter {
	m := &meter{stride: 1, measured: record.Measured{Measure: residentMeasure}}
	if earlier != nil && earlier.Measure == residentMeasure {
		m.measured, m.named = *earlier, earlier.PeakBytes
		m.measured.RSS = slices.DeleteFunc(slices.Clone(earlier.RSS), func(s record.RSSSample) bool { return s.Step > step })
	}
	m.base, _ = resident()
	return m
}

// sample reads the resident size at the end of a phase: "set-up", "update",
// "evaluation" or "checkpoint".
func (m *meter) sample(step int, phase string) {
	now, peak := resident()
	if peak > m.named+m.named/100 {
		m.named, m.measured.PeakStep, m.measured.PeakPhase = peak, step, phase
	}
	if peak > m.measured.PeakBytes {
		m.measured.PeakBytes, m.measured.BaseBytes = peak, m.base
	}
	if m.seen++; m.seen < m.stride {
		return
	}
	m.seen = 0
	m.measured.RSS = append(m.measured.RSS, record.RSSSample{Step: step, Phase: phase, Bytes: now})
	if len(m.measured.RSS) > maxSamples {
		kept := m.measured.RSS[:0]
		for i, s := range m.measured.RSS {
			if i%2 == 0 {
				kept = append(kept, s)
			}
		}
		m.measured.RSS, m.stride = kept, 2*m.stride
	}
}

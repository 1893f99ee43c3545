package bundle

import "ranklab/harness/spec"

const (
	fewSteps  = 8  // a bundle in which nothing special happens
	mostSteps = 64 // what a default never exceeds
)

// DefaultSteps returns the number of updates of a bundle that shows what the
// method does: its first refreshes; the end of the warm start, a merge and a
// reset; and two updates after them. It is at most that of the run. Where these
// are far apart, so that a bundle would be long, it returns few updates, and the
// number that would show them.
func DefaultSteps(s spec.Run) (n, wanted int) {
	m := s.Method
	wanted = fewSteps
	switch m.Kind {
	case "galore":
		if m.UpdateProjGap != spec.Never {
			wanted = max(wanted, int(m.UpdateProjGap)+3)
		}
	case "relora":
		wanted = max(wanted, m.FullRankSteps+max(m.MergeEvery, m.CycleLength)+4)
	}
	wanted = min(wanted, s.Train.Steps)
	if wanted > mostSteps {
		return fewSteps, wanted
	}
	return wanted, wanted
}

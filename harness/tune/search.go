// Package tune searches for the learning rate of every method of an experiment,
// with the same number of trials for all of them.
//
// A method's trials are neighbours on a grid with a constant ratio. The best one is
// that of the smallest loss on the selection set; a trial of which a run diverged
// is worse than any that did not. As long as the best trial of some method is its
// lowest or its highest, that method gets the next rate on that side, and every
// other method one more too, on the side that is nearer to its best trial, until
// all optima are interior or every method has max_trials. So the numbers of trials
// are equal after every round, and the spacing is too: no method is searched more
// finely than another.
package tune

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"ranklab/harness/spec"
)

// A Trial is a rate of one method, and what came of it.
type Trial struct {
	Method string
	Index  int // in the grid, which goes on at both ends
	LR     float64
	Rate   float64 // as the grid has it
	Runs   []Run   // one per seed

	Chosen bool // the method's best, at the end of the search
}

// A Run is one seed of a trial.
type Run struct {
	Instance spec.Instance
	ID       string
	Loss     float64 // on the selection set; not finite: the run diverged
	told     bool
}

// Diverged reports whether a run of the trial diverged.
func (t Trial) Diverged() bool {
	return slices.ContainsFunc(t.Runs, func(r Run) bool { return math.IsNaN(r.Loss) || math.IsInf(r.Loss, 0) })
}

// Loss is the mean over the seeds; infinite if one of them diverged.
func (t Trial) Loss() float64 {
	if t.Diverged() {
		return math.Inf(1)
	}
	sum := 0.0
	for _, r := range t.Runs {
		sum += r.Loss
	}
	return sum / float64(len(t.Runs))
}

// A Search is the state of a search. It lives in the records of its runs alone:
// started again, it takes the same way.
type Search struct {
	tune   *spec.Tune
	ranges []span // by method
	trials map[key]*Trial
}

type span struct{ low, high int } // indices, both tried

func (s span) trials() int { return s.high - s.low + 1 }

type key struct {
	method string
	index  int
}

// New begins a search with the whole grid for every method.
func New(t *spec.Tune) *Search {
	s := &Search{tune: t, trials: make(map[key]*Trial)}
	for _, m := range t.Methods {
		r := span{0, len(t.Grid) - 1}
		for i := r.low; i <= r.high; i++ {
			s.add(m, i)
		}
		s.ranges = append(s.ranges, r)
	}
	return s
}

func (s *Search) add(m spec.TunedMethod, index int) {
	rate := s.tune.Rate(index)
	t := &Trial{Method: m.Name, Index: index, Rate: rate, LR: m.LR(rate)}
	for _, inst := range s.tune.Trials(m, index) {
		t.Runs = append(t.Runs, Run{Instance: inst, Loss: math.NaN()})
	}
	s.trials[key{m.Name, index}] = t
}

// Trials lists all trials, method by method with rising rates.
func (s *Search) Trials() []*Trial {
	var list []*Trial
	for i, m := range s.tune.Methods {
		for index := s.ranges[i].low; index <= s.ranges[i].high; index++ {
			list = append(list, s.trials[key{m.Name, index}])
		}
	}
	return list
}

// Instances lists the runs of all trials in the order in which they are trained:
// rate by rate over all methods, so that a part of the search compares too.
func (s *Search) Instances() []spec.Instance {
	list := s.Trials()
	slices.SortStableFunc(list, func(a, b *Trial) int { return cmp.Compare(a.Index, b.Index) })
	var runs []spec.Instance
	for _, t := range list {
		for _, r := range t.Runs {
			runs = append(runs, r.Instance)
		}
	}
	return runs
}

// Tell records the result of a run: its id and its loss on the selection set, which
// is not finite if it diverged.
func (s *Search) Tell(inst spec.Instance, id string, loss float64) {
	for _, t := range s.trials {
		for i := range t.Runs {
			if r := &t.Runs[i]; t.Method == inst.Variant && t.LR == inst.Run.Method.LR && r.Instance.Seed == inst.Seed {
				r.ID, r.Loss, r.told = id, loss, true
				return
			}
		}
	}
	panic("tune: " + inst.Label + " is no trial of this search") // the caller's mistake
}

// best returns the trial of a method with the smallest loss, of equal ones that of
// the lower rate; nil if all of them diverged.
func (s *Search) best(method int) *Trial {
	var best *Trial
	r := s.ranges[method]
	for i := r.low; i <= r.high; i++ {
		if t := s.trials[key{s.tune.Methods[method].Name, i}]; !t.Diverged() && (best == nil || t.Loss() < best.Loss()) {
			best = t
		}
	}
	return best
}

// edge returns -1 if the best trial of a method is its lowest, 1 if it is its
// highest, and 0 if it is interior. Where all diverged, a lower rate may not.
func (s *Search) edge(method int) int {
	switch best, r := s.best(method), s.ranges[method]; {
	case best == nil || best.Index == r.low:
		return -1
	case best.Index == r.high:
		return 1
	}
	return 0
}

// Extend ends a round, all of whose runs have been told. If the best trial of a
// method lies at an edge, every method gets one more, and Extend says why; "" says
// that the search is over.
func (s *Search) Extend() (why string) {
	for _, t := range s.trials {
		if slices.ContainsFunc(t.Runs, func(r Run) bool { return !r.told }) {
			panic(fmt.Sprintf("tune: a run of %s is not told yet", t.Method)) // the caller's mistake
		}
	}
	if s.tune.AtEdge != spec.Extend || len(s.ranges) == 0 || s.ranges[0].trials() >= s.tune.MaxTrials {
		return ""
	}
	for i, m := range s.tune.Methods {
		if side := s.edge(i); side != 0 && why == "" {
			why = fmt.Sprintf("the best rate of %s is the %s that was tried", m.Name, map[int]string{-1: "lowest", 1: "highest"}[side])
			if s.best(i) == nil {
				why = "every trial of " + m.Name + " diverged"
			}
		}
	}
	if why == "" {
		return ""
	}
	for i, m := range s.tune.Methods {
		r := &s.ranges[i]
		side := s.edge(i)
		if side == 0 {
			side = 1
			if best := s.best(i); best.Index-r.low < r.high-best.Index {
				side = -1
			}
		}
		if side < 0 {
			r.low--
			s.add(m, r.low)
		} else {
			r.high++
			s.add(m, r.high)
		}
	}
	return fmt.Sprintf("%s: one more rate for every method, %d each", why, s.ranges[0].trials())
}

// Lock returns what was found: the rate of each method. It is an error if every
// trial of a method diverged, or if a best rate lies at an edge where that is to
// fail.
func (s *Search) Lock() (spec.Lock, error) {
	t := s.tune
	l := spec.Lock{
		NumericsVersion: spec.NumericsVersion, Param: t.Param, Grid: t.Grid, Effective: t.Effective, Seeds: t.Seeds, AtEdge: t.AtEdge, MaxTrials: t.MaxTrials,
	}
	for i, m := range t.Methods {
		best := s.best(i)
		if best == nil {
			return l, fmt.Errorf("every trial of %s diverged, down to lr = %v: list lower rates in tune.grid", m.Name, s.trials[key{m.Name, s.ranges[i].low}].LR)
		}
		edge := map[int]string{-1: spec.LowEdge, 0: spec.NoEdge, 1: spec.HighEdge}[s.edge(i)]
		if edge != spec.NoEdge && t.AtEdge == spec.Fail {
			return l, fmt.Errorf("the best rate of %s, lr = %v, is at the %s edge of the grid, and tune.at_edge is %q: widen tune.grid", m.Name, best.LR, edge, t.AtEdge)
		}
		best.Chosen = true
		run := best.Runs[0].Instance.Run
		locked := spec.Locked{
			Name: m.Name, LR: best.LR, SelectLoss: best.Loss(), SelectTokens: run.Eval.SelectTokens, Steps: run.Train.Steps, Trials: s.ranges[i].trials(), Edge: edge, Recipe: m.Recipe,
		}
		if e := m.EffectiveLR(best.LR); !math.IsNaN(e) {
			locked.EffectiveLR = e
		}
		for index := s.ranges[i].low; index <= s.ranges[i].high; index++ {
			trial := s.trials[key{m.Name, index}]
			locked.Rates = append(locked.Rates, trial.LR)
			if locked.EffectiveLR != 0 {
				locked.EffectiveRates = append(locked.EffectiveRates, m.EffectiveLR(trial.LR))
			}
			for _, r := range trial.Runs {
				locked.Runs = append(locked.Runs, r.ID)
			}
		}
		l.Methods = append(l.Methods, locked)
	}
	return l, nil
}

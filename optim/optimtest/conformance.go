package optimtest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Case is one method under test.
type Case struct {
	New    func() (optim.Method, error)
	LR     float64 // learning rate that suits the [Problem]
	Steps  int     // updates of a run; 0 is 60
	Reduce float64 // factor by which a run must reduce the loss at least
	Breaks []int   // numbers of updates after which a run is stopped and carried on

	// The closed formulas of the method: elements of optimizer state and of
	// projectors for a trained parameter. A nil Projectors is none.
	State, Projectors func(p *models.Param) int
	// StateBytes and ProjectorBytes take the place of State and Projectors for a
	// method that does not keep them in float32.
	StateBytes, ProjectorBytes func(p *models.Param) int64

	precision tensor.Precision
}

// Run checks a method:
//
//   - a second run ends with the same bits, and so do runs on 2 and 3 threads;
//   - training reduces the loss of the problem;
//   - in each phase the ledger holds exactly the declared bytes, State lists
//     exactly those, a parameter is frozen or trained as it should be, and a
//     predicting ledger has the same entries as an allocating one;
//   - a run that is stopped and carried on from its weights and State ends with
//     the same bits;
//   - with state in bfloat16, rounded either way, all of that but the books.
func Run(t *testing.T, c Case) {
	if c.Steps == 0 {
		c.Steps = 60
	}
	t.Run("determinism", c.determinism)
	t.Run("convergence", c.convergence)
	t.Run("memory", c.memory)
	t.Run("resume", c.resume)
	for name, p := range map[string]tensor.Precision{"bfloat16": {BFloat16: true}, "bfloat16_stochastic": {BFloat16: true, Stochastic: true}} {
		c.precision = p
		t.Run(name+" state", func(t *testing.T) {
			t.Run("determinism", c.determinism)
			t.Run("convergence", c.convergence)
			t.Run("resume", c.resume)
		})
	}
}

// problem starts the problem with a fresh method.
func (c Case) problem(t *testing.T, threads, start int) *Problem {
	t.Helper()
	method, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProblem(method, threads, start, c.Steps, c.precision)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (c Case) train(t *testing.T, p *Problem, from, to int) Snapshot {
	t.Helper()
	if err := p.Train(from, to, c.LR); err != nil {
		t.Fatal(err)
	}
	return p.Save()
}

func (c Case) determinism(t *testing.T) {
	want := c.train(t, c.problem(t, 1, 0), 0, c.Steps)
	for _, threads := range []int{1, 2, 3} {
		if diff := Diff(want, c.train(t, c.problem(t, threads, 0), 0, c.Steps)); diff != "" {
			t.Errorf("a run on 1 thread and another on %d: %s", threads, diff)
		}
	}
}

func (c Case) convergence(t *testing.T) {
	p := c.problem(t, 2, 0)
	before := p.Loss()
	c.train(t, p, 0, c.Steps)
	if after := p.Loss(); !(after*c.Reduce < before) {
		t.Errorf("the loss fell from %.4g to %.4g, not by a factor of %v", before, after, c.Reduce)
	}
}

func (c Case) memory(t *testing.T) {
	method, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	phases := []int{0}
	if m, ok := method.(optim.Phased); ok {
		phases = m.Phases()
	}
	var last *Problem
	for _, phase := range phases {
		last = c.problem(t, 1, phase)
		c.checkBooks(t, last)
		if predicted := c.predict(t, phase); !slices.Equal(predicted, last.Ledger.Entries()) {
			t.Errorf("from update %d: predicted and registered ledger differ:\n%v\n%v", phase, predicted, last.Ledger.Entries())
		}
	}
	p := c.problem(t, 1, 0)
	c.train(t, p, 0, c.Steps)
	c.checkBooks(t, p)
	if got, want := kept(p.Ledger), kept(last.Ledger); !slices.Equal(got, want) {
		t.Errorf("a run through all phases does not keep what a start in the last one does:\n%v\n%v", got, want)
	}
	if got, want := names(p.Method.State()), names(last.Method.State()); !slices.Equal(got, want) {
		t.Errorf("a run through all phases lists other state than a start in the last one:\n%v\n%v", got, want)
	}
}

// predict returns the entries of a predicting ledger.
func (c Case) predict(t *testing.T, start int) []memory.Entry {
	t.Helper()
	method, err := c.New()
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	l, model, key := memory.Predict(), Model(), random.New(7)
	if err := method.Attach(model, optim.Env{Device: d, Ledger: l, Key: key, Start: start, Steps: c.Steps}); err != nil {
		t.Fatal(err)
	}
	model.Allocate(models.Runtime{Device: d, Ledger: l, Key: key}, 1, 4, true)
	return l.Entries()
}

// kept returns the entries of parameters and state, sorted. The scratch of a
// model is sized for what is trained when it is allocated.
func kept(l *memory.Ledger) []memory.Entry {
	categories := []memory.Category{memory.Weights, memory.Adapters, memory.OptimizerState, memory.Projectors}
	var entries []memory.Entry
	for _, e := range l.Entries() {
		if slices.Contains(categories, e.Category) {
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b memory.Entry) int {
		return cmp.Or(strings.Compare(string(a.Category), string(b.Category)), strings.Compare(a.Name, b.Name))
	})
	return entries
}

func names(state []optim.Buffer) []string {
	var all []string
	for _, b := range state {
		all = append(all, b.Name)
	}
	return all
}

// checkBooks compares the ledger and State with the closed formulas, and the
// gradients that exist with the frozen parameters.
func (c Case) checkBooks(t *testing.T, p *Problem) {
	t.Helper()
	var state, projectors int64
	for _, q := range p.Model.Params() {
		if q.Frozen {
			continue
		}
		if c.StateBytes != nil {
			state += c.StateBytes(q)
		} else {
			state += 4 * int64(c.State(q))
		}
		if c.ProjectorBytes != nil {
			projectors += c.ProjectorBytes(q)
		} else if c.Projectors != nil {
			projectors += 4 * int64(c.Projectors(q))
		}
	}
	books := p.Ledger.ByCategory()
	if got := books[memory.OptimizerState]; got != state {
		t.Errorf("%d bytes of optimizer state, declared %d", got, state)
	}
	if got := books[memory.Projectors]; got != projectors {
		t.Errorf("%d bytes of projectors, declared %d", got, projectors)
	}
	var listed int64
	for _, b := range p.Method.State() {
		listed += b.Data.Bytes()
	}
	if listed != state+projectors {
		t.Errorf("State lists %d bytes, declared %d", listed, state+projectors)
	}
	trained := make([]bool, len(p.Model.Params()))
	p.Backward(func(q *models.Param, _ tensor.Matrix) { trained[q.ID] = true })
	for _, q := range p.Model.Params() {
		if trained[q.ID] == q.Frozen {
			t.Errorf("%s: frozen is %v, has a gradient is %v", q.Name, q.Frozen, trained[q.ID])
		}
	}
}

func (c Case) resume(t *testing.T) {
	want := c.train(t, c.problem(t, 2, 0), 0, c.Steps)
	for _, at := range c.Breaks {
		saved := c.train(t, c.problem(t, 2, 0), 0, at)
		p := c.problem(t, 1, at)
		if !p.Restore(saved) {
			t.Errorf("the buffers saved after %d updates are not those of a start there", at)
			continue
		}
		if diff := Diff(want, c.train(t, p, at, c.Steps)); diff != "" {
			t.Errorf("stopped after %d updates and carried on: %s", at, diff)
		}
	}
}

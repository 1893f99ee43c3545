package interop

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/train"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Session is a case being trained.
type Session struct {
	Model *models.Llama
	// Drawn holds the random matrices that the method has used so far, under
	// the names by which inputs.safetensors has them:
	//
	//	CASE/factors/NAME      A and B when they first take part
	//	CASE/merge/J/NAME      A as merge J draws it
	//	CASE/keep/J/NAME.KIND  1 where reset J keeps the state, 0 elsewhere
	Drawn map[string]tensor.Matrix

	suite         *Suite
	c             Case
	device        *tensor.Device
	method        optim.Method
	rate          optim.Schedule
	active        bool // the adapters take part
	merges, reset int
}

// Start builds the model and the method of a case.
func (s *Suite) Start(c Case, device *tensor.Device) (*Session, error) {
	method, err := train.NewMethod(c.Run())
	if err != nil {
		return nil, err
	}
	rate, err := train.NewSchedule(c.Run())
	if err != nil {
		return nil, err
	}
	t := &Session{Model: models.New(s.Trajectory), Drawn: map[string]tensor.Matrix{}, suite: s, c: c, device: device, method: method, rate: rate}
	ledger := memory.New()
	if err := method.Attach(t.Model, optim.Env{Device: device, Ledger: ledger, Key: s.Key(), Steps: c.Steps}); err != nil {
		return nil, err
	}
	t.Model.Allocate(models.Runtime{Device: device, Ledger: ledger, Key: s.Key()}, s.Batch.Sequences, s.Batch.Tokens, true)
	t.activate()
	return t, nil
}

// LR returns the scheduled learning rate of update u.
func (t *Session) LR(u int) float64 { return t.c.LR * t.rate(u) }

// Update runs update u and returns the mean loss over its targets.
func (t *Session) Update(u int) (float64, error) {
	b := t.suite.Data(u)
	targets := 0
	for _, v := range b.Targets {
		if v >= 0 {
			targets++
		}
	}
	step := optim.Step{N: u, LR: t.LR(u)}
	t.Model.Forward(b, true)
	sum, n := t.Model.Backward(b, 1/float32(targets), func(p *models.Param, g tensor.Matrix) { t.method.Update(p, g, step) })
	if n != targets {
		return 0, fmt.Errorf("interop: %d targets counted, not %d", n, targets)
	}
	before := t.adapterState()
	if err := t.method.EndStep(step); err != nil {
		return 0, err
	}
	t.record(before)
	return sum / float64(n), nil
}

// Absent reports whether p is a factor that takes no part yet.
func (t *Session) Absent(p *models.Param) bool { return p.Adapter && !t.active }

func (t *Session) factors() []*models.Param {
	var all []*models.Param
	for _, l := range t.Model.Linears() {
		if l.A != nil {
			all = append(all, l.A, l.B)
		}
	}
	return all
}

// activate records A and B when they start to take part.
func (t *Session) activate() {
	if t.active || slices.ContainsFunc(t.Model.Linears(), func(l *models.Linear) bool { return l.Bypass }) {
		return
	}
	t.active = true
	for _, p := range t.factors() {
		t.Drawn[t.c.Name+"/factors/"+p.Name] = clone(p.W)
	}
}

// adapterState copies A, B and their optimizer state by name.
func (t *Session) adapterState() map[string]tensor.Matrix {
	all := map[string]tensor.Matrix{}
	if t.c.Kind != "relora" {
		return all
	}
	for _, p := range t.factors() {
		all[p.Name] = clone(p.W)
		for _, b := range t.method.State() {
			if strings.HasPrefix(b.Name, p.Name+".") {
				all[b.Name] = clone(b.Data.Matrix())
			}
		}
	}
	return all
}

// record compares A and its state before and after the end of a step: what
// changed there was drawn.
func (t *Session) record(before map[string]tensor.Matrix) {
	if !t.active {
		t.activate()
		return
	}
	after := t.adapterState()
	merged, reset := false, false
	for name, old := range before {
		now := after[name]
		if slices.Equal(old.Data, now.Data) {
			continue
		}
		if strings.HasSuffix(name, ".lora_A.weight") {
			merged = true
			t.Drawn[fmt.Sprintf("%s/merge/%d/%s", t.c.Name, t.merges, name)] = now
		} else if t.c.Reset == "random" && !strings.HasSuffix(name, ".weight") {
			reset = true
			keep := clone(now)
			for i, v := range now.Data {
				keep.Data[i] = 1
				if v == 0 && old.Data[i] != 0 {
					keep.Data[i] = 0
				}
			}
			t.Drawn[fmt.Sprintf("%s/keep/%d/%s", t.c.Name, t.reset, name)] = keep
		}
	}
	if merged {
		t.merges++
	}
	if reset {
		t.reset++
	}
}

func clone(m tensor.Matrix) tensor.Matrix {
	return tensor.Of(slices.Clone(tensor.Values(m)), m.Rows, m.Cols)
}

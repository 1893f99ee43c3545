package relora_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/lora"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/relora"
	"ranklab/tensor"
)

const steps = 60

func config() relora.Config {
	return relora.Config{
		Config:     lora.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 4, Alpha: 4},
		MergeEvery: 15,
	}
}

func start(t *testing.T, c relora.Config) (*relora.Method, *optimtest.Problem) {
	t.Helper()
	m, err := relora.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := optimtest.NewProblem(m, 2, 0, steps, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return m, p
}

func train(t *testing.T, p *optimtest.Problem, from, to int) optimtest.Snapshot {
	t.Helper()
	if err := p.Train(from, to, 0.05); err != nil {
		t.Fatal(err)
	}
	return p.Save()
}

func with(change func(*relora.Config)) relora.Config {
	c := config()
	change(&c)
	return c
}

// variants are the configurations that the suite runs on.
func variants() map[string]relora.Config {
	momentum := optim.DefaultAdafactor()
	momentum.Momentum = 0.9
	return map[string]relora.Config{
		"boundary":  config(),
		"no reset":  with(func(c *relora.Config) { c.Reset = relora.ResetNone }),
		"reference": with(func(c *relora.Config) { c.MergeAt = relora.Reference }),
		"two clocks": with(func(c *relora.Config) {
			c.CycleLength, c.ResetStep, c.MergeAt = 20, true, relora.Reference
		}),
		// Pruned with masks of their own, an entry of Adam can keep M and lose V;
		// without a warm-up after the reset such a run diverges.
		"random": with(func(c *relora.Config) {
			c.Rule, c.Reset, c.ResetRatio = optim.SGD{Momentum: 0.5}, relora.ResetRandom, 0.5
		}),
		"magnitude": with(func(c *relora.Config) {
			c.Rule, c.Reset, c.ResetRatio = optim.SGD{Momentum: 0.5}, relora.ResetMagnitude, 0.9
		}),
		"true reset": with(func(c *relora.Config) { c.ResetStep = true }),
		"warm start": with(func(c *relora.Config) { c.FullRankSteps, c.ResetStep, c.Targets = 10, true, []models.Role{models.MLP} }),
		"dead start": with(func(c *relora.Config) { c.DeadStart = true }),
		"adafactor":  with(func(c *relora.Config) { c.Rule, c.FullRankSteps = momentum, 20 }),
		"momentum":   with(func(c *relora.Config) { c.Rule = optim.SGD{Momentum: 0.5} }),
	}
}

func TestConformance(t *testing.T) {
	numel := func(p *models.Param) int { return p.W.Rows * p.W.Cols }
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			state := func(p *models.Param) int { return 2 * numel(p) }
			switch c.Rule.(type) {
			case optim.SGD:
				state = numel
			case optim.Adafactor:
				state = func(p *models.Param) int {
					if p.W.Rows == 1 {
						return 2 * p.W.Cols
					}
					return numel(p) + p.W.Rows + p.W.Cols
				}
			}
			optimtest.Run(t, optimtest.Case{
				New: func() (optim.Method, error) { return relora.New(c) },
				LR:  0.1, Steps: steps, Reduce: 10, State: state,
				// At, before and after merges, resets and the end of a warm start.
				Breaks: []int{7, 10, 11, 15, 16, 20, 35, 46},
			})
		})
	}
}

// did returns the steps of the events of a kind.
func did(events []optim.Event, kind string) []int {
	var at []int
	for _, e := range events {
		if e.Kind == kind {
			at = append(at, e.Step)
		}
	}
	return at
}

// Merges and resets fall where the two timings put them, and none follows the
// last update.
func TestTiming(t *testing.T) {
	for _, c := range []struct {
		name           string
		config         relora.Config
		merges, resets []int
	}{
		{"boundary", with(func(*relora.Config) {}), []int{14, 29, 44}, []int{14, 29, 44}},
		{"reference", with(func(c *relora.Config) { c.MergeAt = relora.Reference }), []int{15, 30, 45}, []int{15, 30, 45}},
		{"cycles", with(func(c *relora.Config) { c.CycleLength = 20 }), []int{14, 29, 44}, []int{19, 39}},
		{"warm start", with(func(c *relora.Config) { c.FullRankSteps = 10 }), []int{24, 39, 54}, []int{24, 39, 54}},
		{"warm start, reference", with(func(c *relora.Config) {
			c.FullRankSteps, c.MergeAt = 10, relora.Reference
		}), []int{25, 40, 55}, []int{25, 40, 55}},
		{"no reset", with(func(c *relora.Config) { c.Reset = relora.ResetNone }), []int{14, 29, 44}, nil},
		{"later than the run", with(func(c *relora.Config) { c.MergeEvery = 60 }), nil, nil},
		{"last update, reference", with(func(c *relora.Config) { c.MergeEvery, c.MergeAt = 59, relora.Reference }), nil, nil},
	} {
		m, p := start(t, c.config)
		train(t, p, 0, steps)
		events := m.Events()
		if got := did(events, "merge"); !slices.Equal(got, c.merges) {
			t.Errorf("%s: merges after updates %v, want %v", c.name, got, c.merges)
		}
		if got := did(events, "reset"); !slices.Equal(got, c.resets) {
			t.Errorf("%s: resets after updates %v, want %v", c.name, got, c.resets)
		}
		if got := did(events, "activate"); len(got) == 1 != (c.config.FullRankSteps > 0) {
			t.Errorf("%s: adapters activated after %v", c.name, got)
		}
		for _, e := range events {
			if e.Kind == "merge" && (e.Warning != "" || e.Values["grad_a"] == 0 || e.Values["grad_b"] == 0 || e.Values["norm_b"] == 0) {
				t.Errorf("%s: dead adapters: %+v", c.name, e)
			}
		}
	}
}

// A merge changes W by exactly s·B·A and leaves what the module computes
// unchanged up to rounding; then B is zero and A is another draw.
func TestMerge(t *testing.T) {
	m, p := start(t, with(func(c *relora.Config) { c.Alpha = 3 }))
	train(t, p, 0, 14)
	n := 14
	s := optim.Step{N: n, LR: 0.05}
	p.Backward(func(q *models.Param, g tensor.Matrix) { m.Update(q, g, s) })
	var want, weights, draws []tensor.Matrix
	for _, l := range p.Model.Linears() {
		want = append(want, optimtest.Effective(p.Device, l))
		w, a := clone(l.Weight.W), clone(l.A.W)
		p.Device.Gemm(tensor.N, tensor.N, 0.75, l.B.W, l.A.W, 1, w)
		weights, draws = append(weights, w), append(draws, a)
	}
	if err := m.EndStep(s); err != nil {
		t.Fatal(err)
	}
	for i, l := range p.Model.Linears() {
		if !slices.Equal(l.Weight.W.Data, weights[i].Data) {
			t.Errorf("%s: the weight is not W + s·B·A", l.Name)
		}
		if got := optimtest.Effective(p.Device, l); !slices.Equal(got.Data, want[i].Data) {
			t.Errorf("%s: the merge changed what the module computes", l.Name)
		}
		if p.Device.SumSquares(l.B.W) != 0 {
			t.Errorf("%s: B is not zero", l.Name)
		}
		p.Device.Axpy(-1, l.A.W, draws[i])
		if p.Device.SumSquares(draws[i]) < 0.1 {
			t.Errorf("%s: A was not drawn anew", l.Name)
		}
	}
}

func clone(m tensor.Matrix) tensor.Matrix {
	return tensor.Of(slices.Clone(tensor.Values(m)), m.Rows, m.Cols)
}

// On the real model the loss before and after a merge agree to rounding, and
// each merge draws another A.
func TestMergeKeepsTheLoss(t *testing.T) {
	m, err := relora.New(with(func(c *relora.Config) { c.MergeEvery = 4 }))
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	model, l, key := optimtest.Model(), memory.New(), random.New(3)
	if err := m.Attach(model, optim.Env{Device: d, Ledger: l, Key: key, Steps: 12}); err != nil {
		t.Fatal(err)
	}
	model.Allocate(models.Runtime{Device: d, Ledger: l, Key: key}, 1, 6, true)
	batch := models.Batch{B: 1, T: 6, Tokens: []int32{1, 5, 2, 7, 3, 4}, Targets: []int32{5, 2, 7, 3, 4, 0}}
	loss := func() float64 {
		losses, sum := make([]float32, 6), 0.0
		model.Losses(batch, losses)
		for _, v := range losses {
			sum += float64(v)
		}
		return sum
	}
	draws := map[float32]bool{}
	for n := range 12 {
		s := optim.Step{N: n, LR: 0.02}
		batch.Step = n
		model.Forward(batch, true)
		model.Backward(batch, 1./6, func(p *models.Param, g tensor.Matrix) { m.Update(p, g, s) })
		before := loss()
		if err := m.EndStep(s); err != nil {
			t.Fatal(err)
		}
		if after := loss(); math.Abs(after-before) > 1e-5*before {
			t.Errorf("update %d: EndStep changed the loss from %v to %v", n, before, after)
		}
		draws[model.Linears()[0].A.W.Data[0]] = true
	}
	if got := did(m.Events(), "merge"); !slices.Equal(got, []int{3, 7}) {
		t.Errorf("merges after %v", got)
	}
	// A stays in the first update after each draw, since B = 0.
	if len(draws) != 12-2 {
		t.Errorf("%d values of A in 12 updates, want 10", len(draws))
	}
}

// With q above the run ReLoRA is LoRA, bit for bit.
func TestNoMergeIsLoRA(t *testing.T) {
	c := with(func(c *relora.Config) { c.MergeEvery = steps + 1 })
	_, p := start(t, c)
	m, err := lora.New(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	q, err := optimtest.NewProblem(m, 1, 0, steps, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if diff := optimtest.Diff(train(t, p, 0, steps), train(t, q, 0, steps)); diff != "" {
		t.Error(diff)
	}
}

// moments returns the state of the adapters.
func moments(p *optimtest.Problem) []optim.Buffer {
	var m []optim.Buffer
	for _, b := range p.Method.State() {
		if strings.Contains(b.Name, ".lora_") {
			m = append(m, b)
		}
	}
	return m
}

// Each reset zeroes what it says, in M and V independently, and nothing of the
// state outside the adapters.
func TestResets(t *testing.T) {
	for _, c := range []struct {
		reset    relora.Reset
		ratio    float64
		fraction float64
		slack    float64
	}{
		{relora.ResetZero, 0, 1, 0}, {relora.ResetRandom, 0.999, 0.999, 0.003}, {relora.ResetRandom, 0.3, 0.3, 0.03},
		{relora.ResetMagnitude, 0.9, 0.9, 0.01}, {relora.ResetMagnitude, 0, 1. / 70, 0.01},
	} {
		name := fmt.Sprint(c.reset, " ", c.ratio)
		m, p := start(t, with(func(r *relora.Config) { r.Reset, r.ResetRatio = c.reset, c.ratio }))
		train(t, p, 0, 14)
		s := optim.Step{N: 14, LR: 0.05}
		p.Backward(func(q *models.Param, g tensor.Matrix) { m.Update(q, g, s) })
		before := p.Save()
		if err := m.EndStep(s); err != nil {
			t.Fatal(err)
		}
		zeros, all, sameMasks := 0, 0, true
		state := moments(p)
		for i, b := range state {
			for j, v := range b.Data.Floats {
				all++
				if v == 0 {
					zeros++
				} else if v != before["state "+b.Name][j] {
					t.Fatalf("%s: a surviving entry of %s changed", name, b.Name)
				}
				if i%2 == 1 {
					sameMasks = sameMasks && (v == 0) == (state[i-1].Data.Floats[j] == 0)
				}
			}
		}
		if f := float64(zeros) / float64(all); math.Abs(f-c.fraction) > c.slack {
			t.Errorf("%s: %v of the moments are zero, want %v", name, f, c.fraction)
		}
		if c.reset == relora.ResetRandom && sameMasks {
			t.Errorf("%s: M and V have the same mask", name)
		}
		for _, e := range m.Events() {
			if f := e.Values["fraction_zeroed"]; e.Kind == "reset" && math.Abs(f-float64(zeros)/float64(all)) > 1e-12 {
				t.Errorf("%s: the event says %v, counted %v", name, f, float64(zeros)/float64(all))
			}
		}
		for _, b := range m.State() {
			if !strings.Contains(b.Name, ".lora_") && !slices.Equal(before["state "+b.Name], b.Data.Floats) {
				t.Errorf("%s: %s was touched", name, b.Name)
			}
		}
	}
}

// After a true reset the first step of B is as long as that of a new run, η
// for each element; with the old step counter it is longer by the ratio of the
// bias corrections: (1-β1)/√(1-β2) = 3.16 once both have vanished.
func TestResetStep(t *testing.T) {
	for _, at := range []relora.MergeAt{relora.Boundary, relora.Reference} {
		for _, resetStep := range []bool{true, false} {
			m, p := start(t, with(func(c *relora.Config) { c.ResetStep, c.MergeAt = resetStep, at }))
			first := 15
			if at == relora.Reference {
				first = 16
			}
			train(t, p, 0, first)
			p.Backward(func(q *models.Param, g tensor.Matrix) { m.Update(q, g, optim.Step{N: first, LR: 0.01}) })
			b := p.Model.Linears()[0].B.W // zero before the update
			n := float64(first + 1)
			want := 0.01
			if !resetStep {
				want *= 0.1 / math.Sqrt(0.001) * math.Sqrt(1-math.Pow(0.999, n)) / (1 - math.Pow(0.9, n))
			}
			for _, v := range b.Data {
				if math.Abs(math.Abs(float64(v))-want) > 0.01*want {
					t.Fatalf("%s, reset_step %v: an element of B moved by %v, want %v", at, resetStep, v, want)
				}
			}
		}
	}
}

// A dead start moves nothing in the adapters before the first merge, and says
// so; afterwards they live.
func TestDeadStart(t *testing.T) {
	m, p := start(t, with(func(c *relora.Config) { c.DeadStart = true }))
	train(t, p, 0, 14)
	for _, l := range p.Model.Linears() {
		if p.Device.SumSquares(l.A.W) != 0 || p.Device.SumSquares(l.B.W) != 0 {
			t.Errorf("%s: the adapter moved", l.Name)
		}
	}
	train(t, p, 14, 20)
	for _, l := range p.Model.Linears() {
		if p.Device.SumSquares(l.A.W) == 0 || p.Device.SumSquares(l.B.W) == 0 {
			t.Errorf("%s: the adapter is dead after the first merge", l.Name)
		}
	}
	if e := m.Events(); len(e) == 0 || e[0].Kind != "merge" || e[0].Warning == "" {
		t.Errorf("no warning about zero adapters: %+v", e)
	}
}

// The warm start is full-rank training; then W is frozen, its state gone from
// the ledger, and the run goes on as a new ReLoRA run from these weights, with
// zero state and time.
func TestWarmStart(t *testing.T) {
	const warm = 20
	c := with(func(c *relora.Config) { c.FullRankSteps = warm })
	m, p := start(t, c)
	full, err := optim.NewFullRank(c.Base)
	if err != nil {
		t.Fatal(err)
	}
	q, err := optimtest.NewProblem(full, 1, 0, steps, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	adapters := clone(p.Model.Linears()[0].A.W)
	want, got := train(t, q, 0, warm), train(t, p, 0, warm)
	if worst, n := optimtest.Distance(want, got); worst != 0 || n != len(q.Model.Params()) {
		t.Errorf("%d weights after the warm start differ by up to %v from full-rank training", n, worst)
	}
	if !slices.Equal(p.Model.Linears()[0].A.W.Data, adapters.Data) {
		t.Error("an adapter moved during the warm start")
	}
	for _, b := range m.State() {
		if p.Device.SumSquares(b.Data.Matrix()) != 0 {
			t.Errorf("%s is not zero after the warm start", b.Name)
		}
		if strings.HasSuffix(b.Name, "proj.weight.exp_avg") {
			t.Errorf("%s outlived the warm start", b.Name)
		}
	}
	for _, e := range p.Ledger.Entries() {
		if e.Category == memory.OptimizerState && strings.HasSuffix(e.Name, "proj.weight.exp_avg") {
			t.Errorf("%s is still in the ledger", e.Name)
		}
	}
	// A run of its own, 20 updates later, from the same weights.
	own := config()
	n, err := relora.New(own)
	if err != nil {
		t.Fatal(err)
	}
	r, err := optimtest.NewProblem(n, 2, 0, steps-warm, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !r.Restore(p.Save()) {
		t.Fatal("a ReLoRA run has other buffers than one after its warm start")
	}
	for u := range steps - warm {
		for _, run := range []struct {
			p *optimtest.Problem
			n int
		}{{p, warm + u}, {r, u}} {
			s := optim.Step{N: run.n, LR: 0.02}
			run.p.Backward(func(q *models.Param, g tensor.Matrix) { run.p.Method.Update(q, g, s) })
			if err := run.p.Method.EndStep(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The targets of the two problems are equal: they depend on the key only.
	if diff := optimtest.Diff(p.Save(), r.Save()); diff != "" {
		t.Errorf("after the warm start: %s", diff)
	}
}

func TestErrors(t *testing.T) {
	for name, change := range map[string]func(*relora.Config){
		"rule": func(c *relora.Config) { c.Rule = nil }, "rank": func(c *relora.Config) { c.Rank = 0 },
		"merge_every": func(c *relora.Config) { c.MergeEvery = 0 }, "cycle_length": func(c *relora.Config) { c.CycleLength = -1 },
		"merge_at": func(c *relora.Config) { c.MergeAt = "start" }, "reset": func(c *relora.Config) { c.Reset = "all" },
		"reset_ratio": func(c *relora.Config) { c.Reset, c.ResetRatio = relora.ResetRandom, 1.5 },
		"reset_step":  func(c *relora.Config) { c.Reset, c.ResetStep = relora.ResetNone, true },
		"full_rank":   func(c *relora.Config) { c.FullRankSteps = -1 },
		"q = 1":       func(c *relora.Config) { c.MergeEvery, c.MergeAt = 1, relora.Reference },
	} {
		if _, err := relora.New(with(change)); err == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
	m, err := relora.New(with(func(c *relora.Config) { c.FullRankSteps = steps }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := optimtest.NewProblem(m, 1, 0, steps, tensor.Precision{}); err == nil {
		t.Error("a warm start as long as the run is accepted")
	}
}

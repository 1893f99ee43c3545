package galore

import (
	"math"
	"testing"

	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

const steps = 30

func start(t *testing.T, m optim.Method) *optimtest.Problem {
	t.Helper()
	p, err := optimtest.NewProblem(m, 2, 0, steps, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func train(t *testing.T, p *optimtest.Problem, from, to int, lr float64) optimtest.Snapshot {
	t.Helper()
	if err := p.Train(from, to, lr); err != nil {
		t.Fatal(err)
	}
	return p.Save()
}

func newMethod(t *testing.T, c Config) *Method {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// coordinates is a finder whose bases are the first columns of the identity.
type coordinates struct{}

func (coordinates) leftBasis(_, p tensor.Matrix, _ random.Key) (float64, bool) { return diagonal(p) }
func (coordinates) rightBasis(_, p tensor.Matrix, _ random.Key) (float64, bool) {
	return diagonal(p)
}

func diagonal(p tensor.Matrix) (float64, bool) {
	for i := range p.Rows {
		for j := range p.Cols {
			p.Data[i*p.Stride+j] = 0
			if i == j {
				p.Data[i*p.Stride+j] = 1
			}
		}
	}
	return 1, true
}

// With P = I, r = m and a_g = 1 GaLore is full-rank Adam, bit for bit, weight
// decay and learning-rate groups included. With a basis of singular vectors it
// is Adam in rotated coordinates, which is another method.
func TestIdentityBasisIsAdam(t *testing.T) {
	for _, decay := range []optim.Decay{optim.DecayBefore, optim.DecayAfter, optim.DecayL2} {
		rule := optim.Base{
			Rule: optim.DefaultAdamW(), WeightDecay: 0.1, Decay: decay,
			LRGroups: map[models.Role]float64{models.Attention: 0.5, models.Embedding: 2},
		}
		adam, err := optim.NewFullRank(rule)
		if err != nil {
			t.Fatal(err)
		}
		want := train(t, start(t, adam), 0, steps, 0.05)
		m := newMethod(t, Config{Base: rule, Rank: 16, UpdateProjGap: 7, Scale: 1})
		p := start(t, m)
		m.finder = coordinates{}
		if worst, n := optimtest.Distance(want, train(t, p, 0, steps, 0.05)); worst != 0 || n != len(p.Model.Params()) {
			t.Errorf("decay %s: weights differ by up to %v from Adam's", decay, worst)
		}
		rotated := train(t, start(t, newMethod(t, m.config)), 0, steps, 0.05)
		if worst, _ := optimtest.Distance(want, rotated); worst < 1e-3 {
			t.Errorf("decay %s: a singular basis gives Adam's weights within %v", decay, worst)
		}
	}
}

// Adam's first two moments live in the coordinates of P: flipping a basis
// vector together with its coordinate of M changes nothing.
func TestSignOfBasisIsImmaterial(t *testing.T) {
	c := Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 3, UpdateProjGap: Never, Scale: 0.5}
	plain, flipped := newMethod(t, c), newMethod(t, c)
	p, q := start(t, plain), start(t, flipped)
	train(t, p, 0, 10, 0.05)
	train(t, q, 0, 10, 0.05)
	for _, w := range flipped.weights {
		if w == nil {
			continue
		}
		m := w.direction.State()[0].Data.Matrix()
		basis, moments := tensor.Rows(w.right, 1, min(2, w.right.Rows)), tensor.Cols(m, 1, 2)
		if w.left.Rows > 0 {
			basis, moments = tensor.Cols(w.left, 1, 2), tensor.Rows(m, 1, 2)
		}
		q.Device.Scale(-1, basis)
		q.Device.Scale(-1, moments)
	}
	if worst, _ := optimtest.Distance(train(t, p, 10, steps, 0.05), train(t, q, 10, steps, 0.05)); worst != 0 {
		t.Errorf("weights differ by %v", worst)
	}
}

// find returns the parameter of a module.
func find(p *optimtest.Problem, module string) *models.Param {
	for _, l := range p.Model.Linears() {
		if l.Name == "model.layers.0."+module {
			return l.Weight
		}
	}
	panic("no module " + module)
}

func zeros(w tensor.Matrix) tensor.Matrix {
	return tensor.Of(make([]float32, w.Rows*w.Cols), w.Rows, w.Cols)
}

// G = diag(3, 1, 0, …) and r = 1: the first update moves W[0, 0] only, by
// -η·a_g·3/(3 + ε/√(1-β2)) in the galore convention.
func TestFirstUpdateOfDiagonalGradient(t *testing.T) {
	rule := optim.DefaultAdamW()
	rule.Convention, rule.Eps = optim.GaLoreAdamW, 1e-3
	for i, proj := range append(projTypes, projTypes...) {
		projector, slack := SVD, 0.0
		if i >= len(projTypes) {
			projector, slack = RangeFinder, 1e-9
		}
		m := newMethod(t, Config{Base: optim.Base{Rule: rule}, Rank: 1, UpdateProjGap: 5, Scale: 0.25, ProjType: proj, Projector: projector})
		p := start(t, m)
		for _, module := range []string{"self_attn.q_proj", "mlp.up_proj", "mlp.down_proj"} {
			w := find(p, module)
			before, g := zeros(w.W), zeros(w.W)
			p.Device.Copy(before, w.W)
			g.Data[0], g.Data[g.Stride+1] = 3, 1
			m.Update(w, g, optim.Step{N: 0, LR: 0.1})
			want := -0.1 * 0.25 * 3 / (3 + 1e-3/math.Sqrt(0.001))
			for i, v := range w.W.Data {
				moved := float64(v) - float64(before.Data[i])
				if i == 0 && math.Abs(moved-want) > 1e-7 || i != 0 && math.Abs(moved) > slack {
					t.Errorf("%s, %s, %s: element %d moved by %v, want %v for the first only", projector, proj, module, i, moved, want)
				}
			}
		}
	}
}

// SGD on B beside a frozen A = P, merged after T updates, is GaLore with SGD on
// the right side when a_g·η_galore = η·s²; on the left side B = P is frozen and
// A is trained.
func TestAdapterEquivalence(t *testing.T) {
	const scale, s, lr = 0.5, 2.0, 0.02
	m := newMethod(t, Config{Base: optim.Base{Rule: optim.SGD{Momentum: 0.7}}, Rank: 3, UpdateProjGap: Never, Scale: scale})
	p := start(t, m)
	d := p.Device
	for _, module := range []string{"mlp.gate_proj", "mlp.down_proj"} {
		w := find(p, module)
		// An independent quadratic for this module, with its own start.
		target, galore, w0 := zeros(w.W), w.W, zeros(w.W)
		d.FillNormal(target, 1, random.New(5))
		d.Copy(w0, w.W)
		gradient := func(at tensor.Matrix) tensor.Matrix {
			g := zeros(at)
			d.Copy(g, at)
			d.Axpy(-1, target, g)
			return g
		}
		// GaLore's learning rate such that a_g·η_galore = lr·s².
		for n := range 12 {
			m.Update(w, gradient(w.W), optim.Step{N: n, LR: lr * s * s / scale})
		}
		q := m.weights[w.ID]
		rows, cols := q.shape(w.W.Rows, w.W.Cols)
		factor := tensor.Of(make([]float32, rows*cols), rows, cols) // B (out, r), or A (r, in)
		dir := optim.SGD{Momentum: 0.7}.Direction(optim.Env{Device: d, Ledger: p.Ledger}, "adapter."+module, rows, cols)
		effective := zeros(w.W)
		merged := func() tensor.Matrix {
			d.Copy(effective, w0)
			q.back(d, s, factor, tensor.Matrix{}, effective)
			return effective
		}
		for range 12 {
			g := gradient(merged())
			step := tensor.Of(make([]float32, rows*cols), rows, cols)
			q.project(d, g, step, tensor.Matrix{})
			d.Scale(s, step)
			dir.Step(step, optim.Clock{T: 1, LR: lr})
			d.Axpy(-1, step, factor)
		}
		merged()
		d.Axpy(-1, galore, effective)
		if e := math.Sqrt(d.SumSquares(effective) / d.SumSquares(galore)); e > 1e-6 {
			t.Errorf("%s: relative difference %v", module, e)
		}
		moved := zeros(w.W)
		d.Copy(moved, galore)
		d.Axpy(-1, w0, moved)
		if d.SumSquares(moved) < 0.1 {
			t.Errorf("%s: the weight barely moved", module)
		}
	}
}

// The moments are carried over a refresh as they are. (Exact bases of diagonal
// gradients are unit vectors to the last bit.)
func TestRefreshKeepsMoments(t *testing.T) {
	m := newMethod(t, Config{Base: optim.Base{Rule: optim.SGD{Momentum: 0.5}}, Rank: 1, UpdateProjGap: 2, Scale: 1, Projector: SVD})
	p := start(t, m)
	w := find(p, "self_attn.q_proj")
	at := func(i int, n int) {
		g := zeros(w.W)
		g.Data[i*g.Stride+i] = 1
		m.Update(w, g, optim.Step{N: n, LR: 1})
	}
	at(0, 0) // the basis is e_0, the momentum is e_0
	at(0, 1)
	before := w.W.Data[0]
	second := w.W.Data[w.W.Stride]
	at(1, 2) // the basis becomes e_1; the momentum 1.5 of row 0 halves and now acts along column 1
	if w.W.Data[0] != before {
		t.Error("the old direction moved after the refresh")
	}
	if moved := w.W.Data[1]; math.Abs(float64(moved)-float64(initial(p, w, 1))+0.75) > 1e-6 {
		t.Errorf("W[0, 1] moved to %v: the carried momentum 0.75 was not applied in the new basis", moved)
	}
	if w.W.Data[w.W.Stride] != second {
		t.Error("W[1, 0] moved")
	}
}

// initial returns element i of a weight as it was drawn.
func initial(p *optimtest.Problem, w *models.Param, i int) float32 {
	x := zeros(w.W)
	w.Init(p.Device, x, random.New(7).Stream("init").Tensor(w.Name))
	return x.Data[i]
}

// A gradient that determines no basis: the old one is kept and the step warns;
// without an old one nothing moves, the state stays clean, and the next update
// tries again, even with a period of never.
func TestGuard(t *testing.T) {
	nan := float32(math.NaN())
	for _, gap := range []int{3, Never} {
		m := newMethod(t, Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 2, UpdateProjGap: gap, Scale: 1})
		p := start(t, m)
		w := find(p, "mlp.down_proj")
		q := m.weights[w.ID]
		before := zeros(w.W)
		p.Device.Copy(before, w.W)
		update := func(n int, value float32) optim.Event {
			t.Helper()
			g := zeros(w.W)
			g.Data[3] = value
			m.Update(w, g, optim.Step{N: n, LR: 0.1})
			if err := m.EndStep(optim.Step{N: n}); err != nil {
				t.Fatal(err)
			}
			if e := m.Events(); len(e) == 1 {
				return e[0]
			}
			return optim.Event{}
		}
		for n, value := range []float32{nan, 0} {
			if e := update(n, value); e.Warning == "" || e.Values["kept"] != 1 {
				t.Errorf("gradient %v: event %+v", value, e)
			}
			p.Device.Axpy(-1, w.W, before)
			if p.Device.SumSquares(before) != 0 || !p.Device.Finite(w.W) || p.Device.SumSquares(q.left) != 0 {
				t.Fatalf("gradient %v without a basis moved something", value)
			}
			p.Device.Copy(before, w.W)
			for _, b := range q.direction.State() {
				if p.Device.SumSquares(b.Data.Matrix()) != 0 {
					t.Fatalf("gradient %v without a basis entered the state", value)
				}
			}
		}
		if e := update(2, 1); e.Warning != "" || e.Values["refreshed"] != 1 {
			t.Errorf("first good gradient: event %+v", e)
		}
		basis := append([]float32{}, q.left.Data...)
		if e := update(3, 0); gap == 3 && e.Warning == "" {
			t.Error("a zero gradient at a refresh gives no warning")
		}
		for i, v := range q.left.Data {
			if v != basis[i] {
				t.Fatal("the old basis was not kept")
			}
		}
	}
}

// A rank above the matrix is the rank of the matrix.
func TestRankIsClamped(t *testing.T) {
	c := Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 1000, UpdateProjGap: 10, Scale: 1}
	big := train(t, start(t, newMethod(t, c)), 0, steps, 0.05)
	c.Rank = 16
	if diff := optimtest.Diff(big, train(t, start(t, newMethod(t, c)), 0, steps, 0.05)); diff != "" {
		t.Error(diff)
	}
}

// A refresh allocates nothing, whatever the projector.
func TestRefreshAllocatesNothing(t *testing.T) {
	for _, projector := range projectors {
		for _, proj := range projTypes {
			m := newMethod(t, Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 3, UpdateProjGap: 1, Scale: 1, ProjType: proj, Projector: projector})
			p := start(t, m)
			for _, module := range []string{"self_attn.q_proj", "mlp.up_proj", "mlp.down_proj"} {
				w := find(p, module)
				g, q := zeros(w.W), m.weights[w.ID]
				p.Device.FillNormal(g, 1, random.New(1))
				m.rebase(q, g, optim.Step{})
				if n := testing.AllocsPerRun(10, func() { m.rebase(q, g, optim.Step{N: 1}) }); n != 0 {
					t.Errorf("%s, %s, %s: %v allocations", projector, proj, module, n)
				}
			}
		}
	}
}

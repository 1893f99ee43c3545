package galore

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

// With a permutation for a basis that is kept, r = m and a_g = 1, GaLore is
// full-rank Adam bit for bit, up to the order of the coordinates of its moments.
func TestPermutationIsAdam(t *testing.T) {
	rule := optim.Base{Rule: optim.DefaultAdamW(), WeightDecay: 0.1, LRGroups: map[models.Role]float64{models.Attention: 0.5}}
	adam, err := optim.NewFullRank(rule)
	if err != nil {
		t.Fatal(err)
	}
	want := train(t, start(t, adam), 0, steps, 0.05)
	c := Config{Base: rule, Rank: 16, UpdateProjGap: Never, Scale: 1, Projector: Coordinate}
	for _, dtype := range dtypes { // zeros and ones are exact in every format
		c.ProjectorDType = dtype
		m := newMethod(t, c)
		p := start(t, m)
		if worst, _ := optimtest.Distance(want, train(t, p, 0, steps, 0.05)); worst != 0 {
			t.Errorf("%q: weights differ by up to %v from Adam's", dtype, worst)
		}
		inOrder := 0
		for _, q := range m.weights {
			if q == nil {
				continue
			}
			q.open(p.Device)
			basis := q.right
			if q.left.Rows > 0 {
				basis = q.left
			}
			if basis.Rows != 16 || basis.Cols != 16 || p.Device.SumSquares(basis) != 16 {
				t.Fatalf("%q: a basis is %d × %d with %v ones", dtype, basis.Rows, basis.Cols, p.Device.SumSquares(basis))
			}
			if basis.Data[0] == 1 && basis.Data[17] == 1 {
				inOrder++
			}
		}
		if inOrder == 7 {
			t.Error("every permutation begins as the identity")
		}
	}
}

// A reset is what it would be to write zeros into the state: nothing else of a
// method depends on what came before, and the time of the state starts again.
func TestResetIsZeroState(t *testing.T) {
	c := Config{
		Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 5, UpdateProjGap: 10, Scale: 1, Projector: Stiefel, ProjType: Full,
		Moments: Reset, ResetStep: true,
	}
	run := func(choice Moments, clear bool) optimtest.Snapshot {
		m := newMethod(t, c)
		p := start(t, m)
		train(t, p, 0, 10, 0.05)
		m.config.Moments = choice
		for _, w := range m.weights {
			if w == nil || !clear {
				continue
			}
			for _, b := range w.moments {
				b.Data.Clear()
			}
		}
		return train(t, p, 10, steps/2, 0.05)
	}
	want := run(Reset, false)
	if diff := optimtest.Diff(want, run(Carry, true)); diff != "" {
		t.Errorf("a reset is not what zeros are: %s", diff)
	}
	if optimtest.Diff(want, run(Carry, false)) == "" {
		t.Error("a reset changes nothing")
	}
}

// With T = 1 and a reset every step is Adam's first one: η in the direction of
// each sign. Without reset_step the bias correction still takes the moments for
// those of t updates, and steps are (1-β1)/√(1-β2)·c2/c1 as long.
func TestResetEveryUpdate(t *testing.T) {
	for _, resetStep := range []bool{true, false} {
		c := Config{
			Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 16, UpdateProjGap: 1, Scale: 1, Projector: Coordinate,
			Moments: Reset, ResetStep: resetStep,
		}
		m := newMethod(t, c)
		p := start(t, m)
		for _, module := range []string{"self_attn.q_proj", "mlp.up_proj", "mlp.down_proj"} {
			w := find(p, module)
			for n := range 20 {
				before, g, sign := zeros(w.W), zeros(w.W), zeros(w.W)
				p.Device.Copy(before, w.W)
				p.Device.FillNormal(g, 1, random.New(8).Tensor(module).Step(n))
				p.Device.Copy(sign, g)
				m.Update(w, g, optim.Step{N: n, LR: 0.1})
				want := 0.1
				if !resetStep {
					c1, c2 := 1-math.Pow(0.9, float64(n+1)), math.Sqrt(1-math.Pow(0.999, float64(n+1)))
					want *= (1 - 0.9) / math.Sqrt(1-0.999) * c2 / c1
				}
				for i, v := range w.W.Data {
					if s := float64(sign.Data[i]); math.Abs(s) > 1e-3 && math.Abs(float64(before.Data[i]-v)-math.Copysign(want, s)) > 2e-5 {
						t.Fatalf("reset_step %v, %s, update %d: a gradient of %v moves %v, want %v", resetStep, module, n, s, before.Data[i]-v, want)
					}
				}
			}
		}
	}
}

// shuffled is a finder that draws coordinates once, and then gives the same basis
// in another order and with other signs: P_new = P_old·D.
type shuffled struct {
	device *tensor.Device
	first  finder
	order  bool // D permutes; otherwise it only changes signs
	flips  *int
}

func (s shuffled) leftBasis(g, p tensor.Matrix, key random.Key) (float64, bool) {
	if s.device.SumSquares(p) == 0 {
		return s.first.leftBasis(g, p, key)
	}
	old := zeros(p)
	s.device.Copy(old, p)
	for k := range p.Cols {
		from, sign := s.source(k, p.Cols, key)
		for i := range p.Rows {
			p.Data[i*p.Stride+k] = sign * old.Data[i*old.Stride+from]
		}
	}
	return 1, true
}

func (s shuffled) rightBasis(g, p tensor.Matrix, key random.Key) (float64, bool) {
	if s.device.SumSquares(p) == 0 {
		return s.first.rightBasis(g, p, key)
	}
	old := zeros(p)
	s.device.Copy(old, p)
	for k := range p.Rows {
		from, sign := s.source(k, p.Rows, key)
		for j := range p.Cols {
			p.Data[k*p.Stride+j] = sign * old.Data[from*old.Stride+j]
		}
	}
	return 1, true
}

func (s shuffled) source(k, n int, key random.Key) (from int, sign float32) {
	from, sign = k, 1
	if s.order {
		from = key.Permutation(n, k)
	}
	if key.Stream("sign").Uint32(uint64(k))&1 == 1 {
		sign = -1
		*s.flips++
	}
	return from, sign
}

// A signed permutation of the basis is the same subspace, and rotated first
// moments mean the same in it: training that uses no other state goes on as if
// nothing had happened, to the bit. Signs alone do not touch second moments, so
// that Adam and Adafactor go on too. Carried moments are scrambled by both.
func TestRotationFollowsSignedPermutation(t *testing.T) {
	adafactor := optim.DefaultAdafactor()
	adafactor.Momentum = 0.9
	for _, rule := range []struct {
		name  string
		rule  optim.Rule
		order bool
	}{{"sgd", optim.SGD{Momentum: 0.9}, true}, {"adamw", optim.DefaultAdamW(), false}, {"adafactor", adafactor, false}} {
		for _, proj := range projTypes {
			c := Config{Base: optim.Base{Rule: rule.rule}, Rank: 5, UpdateProjGap: Never, Scale: 0.5, ProjType: proj, Projector: Coordinate}
			want := train(t, start(t, newMethod(t, c)), 0, steps, 0.05)
			c.UpdateProjGap = 4
			for _, choice := range []Moments{Rotate, Carry} {
				c.Moments = choice
				m := newMethod(t, c)
				p := start(t, m)
				flips := 0
				m.finder = shuffled{p.Device, m.finder, rule.order, &flips}
				worst, _ := optimtest.Distance(want, train(t, p, 0, steps, 0.05))
				if flips == 0 {
					t.Fatal("no sign has changed")
				}
				if choice == Rotate && worst != 0 || choice == Carry && worst < 1e-3 {
					t.Errorf("%s, %s, %s: weights differ by %v from those of a basis that stays", rule.name, proj, choice, worst)
				}
			}
		}
	}
}

// Whatever the two bases are, the rotated moment is what the old one means in the
// weight's coordinates, projected: M_new = P_newᵀ·(P_old·M). In 8 bits and in
// bfloat16 up to their rounding.
func TestRotationIsProjection(t *testing.T) {
	momentum := optim.DefaultAdafactor()
	momentum.Momentum = 0.5
	eight := optim.DefaultAdamW8bit()
	eight.MinSize = 1
	for _, rule := range []struct {
		name   string
		rule   optim.Rule
		first  string
		within float64
	}{
		{"adamw", optim.DefaultAdamW(), ".exp_avg", 1e-5}, {"sgd", optim.SGD{Momentum: 0.9}, ".momentum_buffer", 1e-5},
		{"adafactor", momentum, ".exp_avg", 1e-5}, {"8 bits", eight, ".exp_avg", 0.03},
	} {
		for _, proj := range projTypes {
			for _, projector := range projectors {
				m := newMethod(t, Config{
					Base: optim.Base{Rule: rule.rule}, Rank: 6, UpdateProjGap: 3, Scale: 1, ProjType: proj, Projector: projector, Moments: Rotate,
				})
				p := start(t, m)
				d := p.Device
				for _, module := range []string{"self_attn.q_proj", "mlp.up_proj", "mlp.down_proj"} {
					w := find(p, module)
					q := m.weights[w.ID]
					for n := range 3 {
						g := zeros(w.W)
						d.FillNormal(g, 1, random.New(9).Tensor(module).Step(n))
						m.Update(w, g, optim.Step{N: n, LR: 0.1})
					}
					moment := func() (tensor.Matrix, []float32) {
						var first tensor.Matrix
						var rest []float32
						for _, b := range q.moments {
							x := zeros(tensor.Matrix{Rows: b.Data.Rows, Cols: b.Data.Cols})
							d.Load(x, b.Data)
							if b.Name == w.Name+rule.first {
								first = x
							} else {
								rest = append(rest, x.Data...)
							}
						}
						return first, rest
					}
					before, second := moment()
					whole, half := zeros(w.W), tensor.Of(make([]float32, q.rows*w.W.Cols), q.rows, w.W.Cols)
					q.back(d, 1, before, half, whole)
					g := zeros(w.W)
					d.FillNormal(g, 1, random.New(10).Tensor(module))
					q.open(d)
					m.rebase(q, g, optim.Step{N: 3, LR: 0.1})
					after, kept := moment()
					want := zeros(after)
					q.project(d, whole, want, half)
					size := math.Sqrt(d.SumSquares(want))
					d.Axpy(-1, after, want)
					if off := math.Sqrt(d.SumSquares(want)) / size; !(off < rule.within) || size == 0 {
						t.Errorf("%s, %s, %s, %s: the rotated moment is %v from the projected one", rule.name, proj, projector, module, off)
					}
					if !slices.Equal(second, kept) {
						t.Errorf("%s, %s, %s, %s: second moments have changed", rule.name, proj, projector, module)
					}
				}
			}
		}
	}
}

// At full rank a basis is a change of coordinates, and SGD does not mind those:
// with rotated momentum GaLore is SGD, up to rounding, whatever basis follows
// which. Carried momentum is not.
func TestFullRankRotationIsSGD(t *testing.T) {
	rule := optim.Base{Rule: optim.SGD{Momentum: 0.9}}
	sgd, err := optim.NewFullRank(rule)
	if err != nil {
		t.Fatal(err)
	}
	want := train(t, start(t, sgd), 0, steps, 0.05)
	for _, projector := range []Projector{SVD, RangeFinder, Stiefel, Coordinate} {
		for _, choice := range []Moments{Rotate, Carry} {
			c := Config{Base: rule, Rank: 16, UpdateProjGap: 4, Scale: 1, Projector: projector, Moments: choice}
			worst, _ := optimtest.Distance(want, train(t, start(t, newMethod(t, c)), 0, steps, 0.05))
			_, random := projector.law() // the singular vectors of this problem stay what they are
			if choice == Rotate && worst > 1e-4 || choice == Carry && random && worst < 1e-2 {
				t.Errorf("%s, %s: weights differ by up to %v from SGD's", projector, choice, worst)
			}
		}
	}
}

// A rank above the matrix is that of the matrix with every switch, on every side.
func TestRankIsClampedEverywhere(t *testing.T) {
	for _, projector := range projectors {
		for _, proj := range projTypes {
			for _, dtype := range []DType{Float32, Int4} {
				c := Config{
					Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 1000, UpdateProjGap: 4, Scale: 0.5, ProjType: proj, Projector: projector,
					ProjectorDType: dtype, Moments: Rotate,
				}
				p := start(t, newMethod(t, c))
				before := p.Loss()
				big := train(t, p, 0, 10, 0.02)
				if after := p.Loss(); !(after < before) {
					t.Errorf("%s, %s, %s: the loss went from %v to %v", projector, proj, dtype, before, after)
				}
				c.Rank = 16
				if diff := optimtest.Diff(big, train(t, start(t, newMethod(t, c)), 0, 10, 0.02)); diff != "" {
					t.Errorf("%s, %s, %s: %s", projector, proj, dtype, diff)
				}
			}
		}
	}
}

// A failed decomposition leaves basis and moments as they are, in every format,
// but a reset comes when it is due; a random basis comes whatever the gradient is.
func TestRefreshWithoutGradient(t *testing.T) {
	for _, projector := range projectors {
		for _, dtype := range dtypes {
			for _, choice := range moments {
				m := newMethod(t, Config{
					Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 3, UpdateProjGap: 4, Scale: 1, ProjType: Full,
					Projector: projector, ProjectorDType: dtype, Moments: choice,
				})
				p := start(t, m)
				w := find(p, "mlp.up_proj")
				q := m.weights[w.ID]
				for n := range 4 {
					g := zeros(w.W)
					p.Device.FillNormal(g, 1, random.New(9).Step(n))
					m.Update(w, g, optim.Step{N: n, LR: 0.1})
				}
				if err := m.EndStep(optim.Step{N: 3}); err != nil {
					t.Fatal(err)
				}
				m.Events()
				before := p.Save()
				q.open(p.Device)
				m.rebase(q, zeros(w.W), optim.Step{N: 4})
				if err := m.EndStep(optim.Step{N: 4}); err != nil {
					t.Fatal(err)
				}
				after, e := p.Save(), m.Events()
				_, drawn := projector.law()
				if len(e) != 1 || e[0].Warning == "" || (e[0].Values["refreshed"] == 1) != drawn {
					t.Errorf("%s, %q, %s: events %+v", projector, dtype, choice, e)
				}
				if _, measured := e[0].Values["captured_mean"]; measured {
					t.Errorf("%s: something is captured of nothing: %v", projector, e[0].Values)
				}
				for name, old := range before {
					basis := name == "state "+w.Name+".projector_left" || name == "state "+w.Name+".projector_right"
					first := name == "state "+w.Name+".exp_avg"
					second := name == "state "+w.Name+".exp_avg_sq"
					want := basis && drawn || (first || second) && choice == Reset || first && choice == Rotate && drawn
					if changed := !slices.Equal(old, after[name]); changed != want && !(len(name) > 6 && drawn && name[len(name)-5:] == "scale" || drawn && name[len(name)-4:] == "zero") {
						t.Errorf("%s, %q, %s: %s changed is %v", projector, dtype, choice, name, changed)
					}
				}
			}
		}
	}
}

// A gradient that is zero moves nothing, drawn basis or not.
func TestZeroGradientMovesNothing(t *testing.T) {
	for _, projector := range projectors {
		m := newMethod(t, Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 3, UpdateProjGap: 2, Scale: 1, Projector: projector, Moments: Rotate})
		p := start(t, m)
		w := find(p, "mlp.up_proj")
		before := slices.Clone(w.W.Data)
		for n := range 5 {
			m.Update(w, zeros(w.W), optim.Step{N: n, LR: 0.1})
		}
		if !slices.Equal(before, w.W.Data) {
			t.Errorf("%s: the weight moved", projector)
		}
	}
}

// A basis is a function of seed, weight and update, and no other law's or
// weight's: two methods that draw agree, whatever came before.
func TestDrawnBasesAreKeyed(t *testing.T) {
	seen := map[string]string{}
	for _, projector := range []Projector{Stiefel, Gaussian, Coordinate} {
		for _, gap := range []int{2, 6} {
			m := newMethod(t, Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 5, UpdateProjGap: gap, Scale: 1, Projector: projector})
			p := start(t, m)
			train(t, p, 0, 7, 0.01) // the last refresh is that of update 6
			for _, w := range p.Model.Params() {
				q := m.weights[w.ID]
				if q == nil {
					continue
				}
				for _, b := range q.state {
					if b.Name != w.Name+".projector_left" && b.Name != w.Name+".projector_right" {
						continue
					}
					name, text := fmt.Sprint(projector, " ", b.Name), fmt.Sprint(b.Data.Floats)
					if other, twice := seen[text]; twice && other != name {
						t.Errorf("%s and %s are one basis", name, other)
					}
					if gap == 6 && seen[text] == "" {
						t.Errorf("%s depends on the refreshes before", name)
					}
					seen[text] = name
				}
			}
		}
	}
}

// What a refresh captures is summed in the same order whatever the order of the
// updates is: layer-wise ones come backwards.
func TestCapturedInAnyOrder(t *testing.T) {
	refresh := func(seed int, backwards bool) (values map[string]float64, captured []float64) {
		m := newMethod(t, Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 3, UpdateProjGap: Never, Scale: 1})
		p := start(t, m)
		params := slices.Clone(p.Model.Params())
		if backwards {
			slices.Reverse(params)
		}
		for _, q := range params {
			g := zeros(q.W)
			p.Device.FillNormal(g, 1, random.New(uint64(seed)).Tensor(q.Name))
			m.Update(q, g, optim.Step{LR: 0.1})
			if w := m.weights[q.ID]; w != nil {
				captured = append(captured, w.captured)
			}
		}
		if err := m.EndStep(optim.Step{}); err != nil {
			t.Fatal(err)
		}
		return m.Events()[0].Values, captured
	}
	sum := func(shares []float64) (s float64) {
		for _, x := range shares {
			s += x
		}
		return s
	}
	for seed := range 100 {
		forwards, a := refresh(seed, false)
		backwards, b := refresh(seed, true)
		if sum(a) == sum(b) {
			continue // rounded to the same number by chance
		}
		if !maps.Equal(forwards, backwards) {
			t.Errorf("%v, backwards %v", forwards, backwards)
		}
		return
	}
	t.Fatal("the order makes no difference to any sum")
}

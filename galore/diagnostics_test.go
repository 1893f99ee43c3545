package galore_test

import (
	"math"
	"testing"

	"ranklab/galore"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A bench feeds gradients of one's own to one weight of a method that looks at
// its subspaces: hidden size 48, intermediate size 64.
type bench struct {
	t      *testing.T
	d      *tensor.Device
	method *galore.Method
	param  *models.Param
}

// newBench attaches the method; module is the position of the weight in a block.
func newBench(t *testing.T, c galore.Config, d galore.Diagnosis, module int) bench {
	t.Helper()
	c.Scale = 1
	if c.Rule == nil {
		c.Rule = optim.DefaultAdamW()
	}
	m, err := galore.New(c)
	if err != nil {
		t.Fatal(err)
	}
	m.Diagnose(d)
	device := tensor.NewDevice(tensor.Options{Threads: 2})
	t.Cleanup(device.Close)
	model := models.New(models.Config{
		HiddenSize: 48, IntermediateSize: 64, NumHiddenLayers: 2, NumAttentionHeads: 2, VocabSize: 12,
		RMSNormEps: 1e-6, InitializerRange: 0.1, RopeTheta: 10000,
	})
	l, key := memory.New(), random.New(7)
	if err := m.Attach(model, optim.Env{Device: device, Ledger: l, Key: key, Steps: 100}); err != nil {
		t.Fatal(err)
	}
	model.Allocate(models.Runtime{Device: device, Ledger: l, Key: key}, 1, 4, true)
	return bench{t, device, m, model.Linears()[module].Weight}
}

// update applies one update and returns what was seen.
func (b bench) update(n int, g tensor.Matrix) []galore.Subspace {
	b.t.Helper()
	s := optim.Step{N: n, LR: 0.01}
	scratch := b.zeros()
	b.d.Copy(scratch, g)
	b.method.Update(b.param, scratch, s)
	if err := b.method.EndStep(s); err != nil {
		b.t.Fatal(err)
	}
	seen, _ := b.method.Subspaces()
	return append([]galore.Subspace(nil), seen...)
}

// one is update of a weight with one basis in an update that is looked at.
func (b bench) one(n int, g tensor.Matrix) galore.Subspace {
	b.t.Helper()
	seen := b.update(n, g)
	if len(seen) != 1 {
		b.t.Fatalf("update %d: %d bases seen", n, len(seen))
	}
	return seen[0]
}

func (b bench) zeros() tensor.Matrix { return matrix(b.param.W.Rows, b.param.W.Cols) }

func matrix(rows, cols int) tensor.Matrix {
	return tensor.Of(make([]float32, rows*cols), rows, cols)
}

// lowRank draws a gradient of the given rank: singular values far apart, directions
// that key alone determines.
func (b bench) lowRank(rank int, key random.Key) tensor.Matrix {
	x, y, g := matrix(b.param.W.Rows, rank), matrix(rank, b.param.W.Cols), b.zeros()
	b.d.FillNormal(x, 1, key.Step(0))
	b.d.FillNormal(y, 1, key.Step(1))
	for i := range rank {
		b.d.Scale(float32(math.Pow(0.6, float64(i))), tensor.Rows(y, i, i+1))
	}
	b.d.Gemm(tensor.N, tensor.N, 1, x, y, 0, g)
	return g
}

// noise draws a gradient without structure.
func (b bench) noise(key random.Key) tensor.Matrix {
	g := b.zeros()
	b.d.FillNormal(g, 1, key)
	return g
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// projectors that are computed from gradients, on all kinds of sides: q is square,
// gate tall, down wide.
func everySide(t *testing.T, rank int, do func(t *testing.T, b bench)) {
	for _, projector := range []galore.Projector{galore.SVD, galore.RangeFinder} {
		for _, proj := range []galore.ProjType{galore.Std, galore.ReverseStd, galore.Full} {
			for name, module := range map[string]int{"q": 0, "gate": 4, "down": 6} {
				t.Run(string(projector)+" "+string(proj)+" "+name, func(t *testing.T) {
					do(t, newBench(t, galore.Config{Rank: rank, UpdateProjGap: 5, Projector: projector, ProjType: proj}, galore.Diagnosis{After: []int{1, 3}}, module))
				})
			}
		}
	}
}

// A gradient of rank r, and the same one again: the basis captures all of it and
// stays, and so does the moment.
func TestLowRankGradientIsCaptured(t *testing.T) {
	const rank = 4
	everySide(t, rank, func(t *testing.T, b bench) {
		g := b.lowRank(rank, random.New(1))
		for n := range 6 {
			for _, s := range b.update(n, g) {
				near(t, "captured energy", s.Captured, 1, 1e-5)
				if s.After > 0 {
					continue
				}
				near(t, "best captured energy", s.CapturedBest, 1, 1e-9)
				near(t, "residual", s.Residual, 0, 1e-4)
				near(t, "departure", s.Orthogonal, 0, 1e-5)
				if s.Effective > rank+1e-3 || s.Stable > rank || s.NonFinite != 0 || s.Kept {
					t.Errorf("%+v", s)
				}
				if n == 0 {
					for what, v := range map[string]float64{"overlap": s.Overlap, "retention": s.Retention, "staleness": s.Staleness, "split": s.SplitOverlap, "old": s.CapturedOld} {
						if !math.IsNaN(v) {
							t.Errorf("before there is anything to compare with, %s is %v", what, v)
						}
					}
					continue
				}
				near(t, "overlap", s.Overlap, 1, 1e-5)
				near(t, "captured energy of the old basis", s.CapturedOld, 1, 1e-5)
				near(t, "retention", s.Retention, 1, 1e-5)
				near(t, "staleness", s.Staleness, 0, 1e-4)
			}
		}
	})
}

// Rows come at refreshes, after as many updates as was asked for, and just before
// the next refresh; with Nth for every n-th refresh, with never for the first.
func TestWhatIsLookedAt(t *testing.T) {
	for _, c := range []struct {
		gap, nth int
		after    []int
		want     map[int]int // age by update
	}{
		{5, 1, []int{1, 3, 9}, map[int]int{0: 0, 1: 1, 3: 3, 4: 4, 5: 0, 6: 1, 8: 3, 9: 4, 10: 0, 11: 1}},
		{5, 2, []int{2}, map[int]int{0: 0, 2: 2, 4: 4, 10: 0}},
		{1, 1, []int{1}, map[int]int{0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0, 10: 0, 11: 0}},
		{galore.Never, 1, []int{1, 7}, map[int]int{0: 0, 1: 1, 7: 7}},
	} {
		b := newBench(t, galore.Config{Rank: 4, UpdateProjGap: c.gap}, galore.Diagnosis{After: c.after, Nth: c.nth}, 0)
		for n := range 12 {
			seen := b.update(n, b.noise(random.New(uint64(n))))
			age, want := c.want[n]
			if (len(seen) == 1) != want || want && (seen[0].After != age || seen[0].Update != n) {
				t.Errorf("gap %d, nth %d, update %d: %+v", c.gap, c.nth, n, seen)
			}
			if b.method.Splits(n) != (want && age == 0) {
				t.Errorf("gap %d, nth %d, update %d: splits %v", c.gap, c.nth, n, b.method.Splits(n))
			}
		}
	}
}

// Subspaces of independent noise overlap by r/d, and capture r/d of each other's
// energy; less than half of the moment stays.
func TestNoiseIsAtChance(t *testing.T) {
	b := newBench(t, galore.Config{Rank: 12, UpdateProjGap: 1, Projector: galore.SVD}, galore.Diagnosis{}, 4)
	var overlap, old float64
	const n = 20
	for i := range n + 1 {
		s := b.one(i, b.noise(random.New(uint64(i))))
		if s.Layer != 0 || s.Module != "gate_proj" || s.Left || s.Rank != 12 || s.Dim != 48 {
			t.Fatalf("%+v", s)
		}
		if i == 0 {
			continue
		}
		overlap += s.Overlap / n
		old += s.CapturedOld / n
		if !(s.Captured > s.CapturedOld) || s.Captured > s.CapturedBest+1e-6 {
			t.Errorf("update %d: captured %v, by the old basis %v, at best %v", i, s.Captured, s.CapturedOld, s.CapturedBest)
		}
		near(t, "residual", s.Residual, math.Sqrt(1-s.Captured), 1e-5)
	}
	near(t, "overlap", overlap, 0.25, 0.02)
	near(t, "energy captured by the old basis", old, 0.25, 0.03)
}

// The same subspace with its vectors in another order and of another sign: the
// overlap is 1 and the whole moment stays, but carried as it is it points elsewhere.
func TestReorderedBasisIsStale(t *testing.T) {
	b := newBench(t, galore.Config{Rank: 2, UpdateProjGap: 1, Projector: galore.SVD, Base: optim.Base{Rule: optim.SGD{Momentum: 0.9}}}, galore.Diagnosis{}, 6)
	diagonal := func(first, second float32) tensor.Matrix {
		g := b.zeros() // (48, 64): left
		g.Data[0], g.Data[g.Stride+1] = first, second
		return g
	}
	b.one(0, diagonal(4, 3)) // P = (e0, e1), M = R has rows (4, 0, …) and (0, 3, 0, …)
	s := b.one(1, diagonal(3, 4))
	if !s.Left {
		t.Fatalf("%+v", s)
	}
	// P = (e1, e0), so Q swaps rows and cos(M, QM) = (4·0 + 0·4 + …)/25 = 0.
	near(t, "overlap", s.Overlap, 1, 1e-6)
	near(t, "retention", s.Retention, 1, 1e-6)
	near(t, "staleness", s.Staleness, 1, 1e-6)
	near(t, "captured energy of the old basis", s.CapturedOld, 1, 1e-6)

	// Half the subspace: e0 stays, e1 gives way to e5. M holds rows (R of update 0
	// times 0.9 + R of update 1) in coordinates (e1, e0).
	b = newBench(t, galore.Config{Rank: 2, UpdateProjGap: 1, Projector: galore.SVD, Base: optim.Base{Rule: optim.SGD{Momentum: 0.9}}}, galore.Diagnosis{}, 6)
	b.one(0, diagonal(4, 3))
	g := b.zeros()
	g.Data[0], g.Data[5*g.Stride+5] = 4, 3
	s = b.one(1, g)
	near(t, "overlap", s.Overlap, 0.5, 1e-6)
	near(t, "retention", s.Retention, 0.8, 1e-6)
	near(t, "staleness", s.Staleness, 0.2, 1e-6)
	near(t, "captured energy of the old basis", s.CapturedOld, 0.64, 1e-6)
}

// Two equal halves have one basis, whatever is drawn for them; halves of noise
// have nothing in common.
func TestHalves(t *testing.T) {
	everySide(t, 4, func(t *testing.T, b bench) {
		show := func(n int, first, second tensor.Matrix) {
			for i, g := range []tensor.Matrix{first, second} {
				scratch := b.zeros()
				b.d.Copy(scratch, g)
				b.method.Half(b.param, scratch, i, n)
			}
		}
		g := b.lowRank(4, random.New(3))
		show(0, g, g)
		for _, s := range b.update(0, g) {
			near(t, "split overlap of equal halves", s.SplitOverlap, 1, 1e-5)
		}
		for n := 1; n < 5; n++ {
			b.update(n, g)
		}
		show(5, b.noise(random.New(4)), b.noise(random.New(5)))
		for _, s := range b.update(5, g) {
			if !(s.SplitOverlap > 0 && s.SplitOverlap < 0.5) {
				t.Errorf("split overlap of noise is %v", s.SplitOverlap)
			}
		}
		for n := 6; n < 10; n++ {
			b.update(n, g)
		}
		show(10, b.zeros(), g)
		for _, s := range b.update(10, g) {
			if !math.IsNaN(s.SplitOverlap) {
				t.Errorf("split overlap of a half without a gradient is %v", s.SplitOverlap)
			}
		}
	})
}

// A gradient that has no basis is told as such, and the row has no number that it
// does not determine.
func TestBadGradients(t *testing.T) {
	b := newBench(t, galore.Config{Rank: 4, UpdateProjGap: 2}, galore.Diagnosis{}, 0)
	if s := b.one(0, b.zeros()); !s.Kept || !math.IsNaN(s.Captured) || !math.IsNaN(s.Orthogonal) {
		t.Errorf("a zero gradient before there is a basis: %+v", s)
	}
	if seen := b.update(1, b.noise(random.New(1))); len(seen) != 0 {
		t.Errorf("a basis that is found late was not due: %+v", seen)
	}
	bad := b.noise(random.New(2))
	bad.Data[7], bad.Data[9] = float32(math.NaN()), float32(math.Inf(1))
	s := b.one(2, bad)
	if !s.Kept || s.NonFinite != 2 || !math.IsNaN(s.Captured) || !math.IsNaN(s.Effective) {
		t.Errorf("a gradient that is not finite: %+v", s)
	}
	near(t, "overlap of a basis that is kept", s.Overlap, 1, 1e-5)
}

// A method that nobody asked keeps no books of it, and a prediction holds what
// the real one registers.
func TestDiagnosticsInTheLedger(t *testing.T) {
	entries := func(l *memory.Ledger, diagnose bool, c galore.Config) []memory.Entry {
		c.Rule, c.Scale, c.UpdateProjGap = optim.DefaultAdamW(), 1, 5
		m, err := galore.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if diagnose {
			m.Diagnose(galore.Diagnosis{After: []int{1}})
		}
		d := tensor.NewDevice(tensor.Options{Threads: 1})
		defer d.Close()
		model := models.New(models.Config{HiddenSize: 16, IntermediateSize: 24, NumHiddenLayers: 2, NumAttentionHeads: 2, VocabSize: 12})
		if err := m.Attach(model, optim.Env{Device: d, Ledger: l, Key: random.New(1), Steps: 9}); err != nil {
			t.Fatal(err)
		}
		return l.Entries()
	}
	for _, proj := range []galore.ProjType{galore.Std, galore.ReverseStd, galore.Full} {
		c := galore.Config{Rank: 4, ProjType: proj}
		off, on, predicted := entries(memory.New(), false, c), entries(memory.New(), true, c), entries(memory.Predict(), true, c)
		if len(on) <= len(off) {
			t.Errorf("%s: looking costs no memory", proj)
		}
		for i, e := range off {
			if on[i] != e {
				t.Fatalf("%s: %v became %v", proj, e, on[i])
			}
		}
		if len(on) != len(predicted) {
			t.Fatalf("%s: %d buffers, %d predicted", proj, len(on), len(predicted))
		}
		for i := range on {
			if on[i] != predicted[i] {
				t.Errorf("%s: registered %v, predicted %v", proj, on[i], predicted[i])
			}
			if i >= len(off) && on[i].Category != memory.Scratch {
				t.Errorf("%s: %v is not scratch", proj, on[i])
			}
		}
	}
}

package galore_test

import (
	"fmt"
	"testing"

	"ranklab/galore"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
)

// basisBytes is what a basis of n values takes.
func basisBytes(d galore.DType, n int) int64 {
	blocks := (n + 255) / 256
	switch d {
	case galore.BFloat16:
		return 2 * int64(n)
	case galore.Int8:
		return int64(n + 5*blocks)
	case galore.Int4:
		return int64((n+1)/2 + 5*blocks)
	}
	return 4 * int64(n)
}

// Every projector, with every choice of moments, kept in every format, on several
// sides, over every kind of rule.
func TestSwitches(t *testing.T) {
	target := func(p *models.Param) bool { return p.Role == models.Attention || p.Role == models.MLP }
	momentum := optim.DefaultAdafactor()
	momentum.Momentum = 0.9
	eight := optim.DefaultAdamW8bit()
	eight.MinSize = 1
	type change struct {
		projector galore.Projector
		moments   galore.Moments
		step      bool
		dtype     galore.DType
		proj      galore.ProjType
		rule      optim.Rule
		lr        float64
	}
	adam, sgd := optim.DefaultAdamW(), optim.SGD{Momentum: 0.8}
	for _, c := range []change{
		{galore.Stiefel, galore.Carry, false, galore.AsState, galore.Std, adam, 0.1},
		{galore.Stiefel, galore.Rotate, false, galore.Int8, galore.Full, adam, 0.4},
		{galore.Stiefel, galore.Reset, true, galore.Int4, galore.ReverseStd, adam, 0.1},
		{galore.Stiefel, galore.Rotate, false, galore.BFloat16, galore.Left, momentum, 0.3},
		{galore.Gaussian, galore.Carry, false, galore.Int4, galore.Std, adam, 0.05},
		{galore.Gaussian, galore.Rotate, false, galore.AsState, galore.Right, sgd, 0.02},
		{galore.Gaussian, galore.Reset, false, galore.Int8, galore.Full, momentum, 0.1},
		{galore.Coordinate, galore.Carry, false, galore.Int4, galore.Full, adam, 0.4},
		{galore.Coordinate, galore.Rotate, false, galore.AsState, galore.Std, eight, 0.1},
		{galore.Coordinate, galore.Reset, true, galore.Int8, galore.Left, sgd, 0.1},
		{galore.SVD, galore.Rotate, false, galore.Int4, galore.Std, eight, 0.1},
		{galore.SVD, galore.Reset, true, galore.AsState, galore.Full, adam, 0.4},
		{galore.RangeFinder, galore.Rotate, false, galore.Int4, galore.ReverseStd, adam, 0.1},
		{galore.RangeFinder, galore.Reset, true, galore.Int8, galore.Std, momentum, 0.3},
		{galore.RangeFinder, galore.Reset, false, galore.Float32, galore.Right, adam, 0.03},
		{galore.RangeFinder, galore.Rotate, false, galore.Int8, galore.Full, eight, 0.4},
	} {
		t.Run(fmt.Sprintf("%s %s %v %s %s %T", c.projector, c.moments, c.step, c.dtype, c.proj, c.rule), func(t *testing.T) {
			optimtest.Run(t, optimtest.Case{
				New: func() (optim.Method, error) {
					return galore.New(galore.Config{
						Base: optim.Base{Rule: c.rule}, Rank: rank, UpdateProjGap: 7, Scale: 0.5, ProjType: c.proj, Projector: c.projector,
						ProjectorDType: c.dtype, Moments: c.moments, ResetStep: c.step,
					})
				},
				LR: c.lr, Reduce: 2, Breaks: []int{3, 14, 25},
				StateBytes: func(p *models.Param) int64 {
					rows, cols := p.W.Rows, p.W.Cols
					if target(p) {
						_, rows, cols = shapes(c.proj, rows, cols)
					}
					return c.rule.StateBytes(rows, cols, noPrecision)
				},
				ProjectorBytes: func(p *models.Param) int64 {
					if !target(p) {
						return 0
					}
					n, _, _ := shapes(c.proj, p.W.Rows, p.W.Cols)
					if c.proj == galore.Full {
						return basisBytes(c.dtype, p.W.Rows*rank) + basisBytes(c.dtype, p.W.Cols*rank)
					}
					return basisBytes(c.dtype, n)
				},
			})
		})
	}
}

// A random basis has its periods like any other, and says what it captures: of a
// gradient of low rank, which exact bases capture whole, no more than its share.
func TestRandomRefreshCount(t *testing.T) {
	for _, projector := range []galore.Projector{galore.Stiefel, galore.Gaussian, galore.Coordinate} {
		for _, c := range []struct{ gap, steps, want int }{{7, 60, 9}, {10, 60, 6}, {1, 5, 5}, {100, 60, 1}, {galore.Never, 60, 1}} {
			m, err := galore.New(galore.Config{
				Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: rank, UpdateProjGap: c.gap, Scale: 1, Projector: projector, Moments: galore.Rotate,
			})
			if err != nil {
				t.Fatal(err)
			}
			p, err := optimtest.NewProblem(m, 2, 0, c.steps, noPrecision)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Train(0, c.steps, 0.01); err != nil {
				t.Fatal(err)
			}
			p.Close()
			events := m.Events()
			if len(events) != c.want {
				t.Errorf("%s, gap %d, %d updates: %d refreshes, want %d", projector, c.gap, c.steps, len(events), c.want)
			}
			for i, e := range events {
				if e.Kind != "refresh" || e.Step != i*c.gap && c.gap > 0 || e.Values["refreshed"] != 7 || e.Warning != "" {
					t.Errorf("%s, gap %d: event %+v", projector, c.gap, e)
				}
				if v := e.Values["captured_mean"]; !(v > 0.1 && v < 0.45) { // r/d is 0.25
					t.Errorf("%s, gap %d: captured %v", projector, c.gap, e.Values)
				}
			}
		}
	}
}

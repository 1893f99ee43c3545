package galore_test

import (
	"fmt"
	"testing"

	"ranklab/galore"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

const rank = 4

// noPrecision keeps state in float32.
var noPrecision = tensor.Precision{}

// shapes gives the elements of the projectors and the shape of the projected
// gradient of an (out, in) weight, m = min and n = max of both: std keeps mr
// and works on nr, reverse_std keeps nr and works on mr.
func shapes(t galore.ProjType, out, in int) (projectors, rows, cols int) {
	m, n := min(out, in), max(out, in)
	switch t {
	case galore.Std:
		return m * rank, n, rank
	case galore.ReverseStd:
		return n * rank, m, rank
	case galore.Left:
		return out * rank, in, rank
	case galore.Right:
		return in * rank, out, rank
	}
	return (m + n) * rank, rank, rank
}

func TestConformance(t *testing.T) {
	momentum := optim.DefaultAdafactor()
	momentum.Momentum = 0.9
	numel := func(rows, cols int) int { return rows * cols }
	factored := func(rows, cols int) int {
		if rows == 1 {
			return cols
		}
		return rows + cols
	}
	rules := []struct {
		name  string
		rule  optim.Rule
		lr    float64
		state func(rows, cols int) int
	}{
		{"adamw", optim.DefaultAdamW(), 0.1, func(r, c int) int { return 2 * r * c }},
		{"sgd", optim.SGD{Momentum: 0.8}, 0.1, numel},
		{"adafactor", momentum, 0.3, func(r, c int) int { return factored(r, c) + r*c }},
	}
	for _, rule := range rules {
		for _, proj := range []galore.ProjType{galore.Std, galore.ReverseStd, galore.Left, galore.Right, galore.Full} {
			if rule.name != "adamw" && proj != galore.Std && proj != galore.Full {
				continue
			}
			lr := rule.lr
			if proj == galore.Full && rule.name != "sgd" {
				lr *= 4 // steps of r × r elements, each about η, are shorter than those of n × r
			}
			for _, projector := range []galore.Projector{galore.SVD, galore.RangeFinder} {
				t.Run(fmt.Sprint(rule.name, " ", proj, " ", projector), func(t *testing.T) {
					target := func(p *models.Param) bool { return p.Role == models.Attention || p.Role == models.MLP }
					optimtest.Run(t, optimtest.Case{
						New: func() (optim.Method, error) {
							return galore.New(galore.Config{
								Base: optim.Base{Rule: rule.rule}, Rank: rank, UpdateProjGap: 7, Scale: 0.5, ProjType: proj,
								Projector: projector,
							})
						},
						LR: lr, Reduce: 10, Breaks: []int{3, 14, 25},
						State: func(p *models.Param) int {
							rows, cols := p.W.Rows, p.W.Cols
							if target(p) {
								_, rows, cols = shapes(proj, p.W.Rows, p.W.Cols)
							}
							return rule.state(rows, cols)
						},
						Projectors: func(p *models.Param) int {
							if !target(p) {
								return 0
							}
							n, _, _ := shapes(proj, p.W.Rows, p.W.Cols)
							return n
						},
					})
				})
			}
		}
	}
}

// Refreshes in K updates with period T: ⌈K/T⌉, or one with never; each says
// how much of the gradient it captured.
func TestRefreshCount(t *testing.T) {
	for _, c := range []struct{ gap, steps, want int }{{7, 60, 9}, {10, 60, 6}, {1, 5, 5}, {100, 60, 1}, {galore.Never, 60, 1}} {
		m, err := galore.New(galore.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: rank, UpdateProjGap: c.gap, Scale: 1})
		if err != nil {
			t.Fatal(err)
		}
		p, err := optimtest.NewProblem(m, 2, 0, c.steps, tensor.Precision{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Train(0, c.steps, 0.01); err != nil {
			t.Fatal(err)
		}
		p.Close()
		events := m.Events()
		if len(events) != c.want {
			t.Errorf("gap %d, %d updates: %d refreshes, want %d", c.gap, c.steps, len(events), c.want)
		}
		for i, e := range events {
			if e.Kind != "refresh" || e.Step != i*c.gap && c.gap > 0 || e.Values["refreshed"] != 7 || e.Warning != "" {
				t.Errorf("gap %d: event %+v", c.gap, e)
			}
			if v := e.Values["captured_min"]; !(v > 0.5 && v <= 1+1e-9) || e.Values["captured_mean"] < v {
				t.Errorf("gap %d: captured %v", c.gap, e.Values)
			}
		}
		if len(m.Events()) != 0 {
			t.Error("events are told twice")
		}
	}
}

func TestTargets(t *testing.T) {
	m, err := galore.New(galore.Config{
		Base: optim.Base{Rule: optim.SGD{}}, Rank: rank, UpdateProjGap: 5, Scale: 1, Targets: []models.Role{models.MLP},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := optimtest.NewProblem(m, 1, 0, 10, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if n := len(m.State()); n != 3 {
		t.Errorf("%d buffers, want one projector for each of three MLP weights", n)
	}
}

func TestValidate(t *testing.T) {
	good := galore.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 4, UpdateProjGap: 10, Scale: 1}
	if _, err := galore.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*galore.Config){
		"rule": func(c *galore.Config) { c.Rule = nil }, "rank": func(c *galore.Config) { c.Rank = 0 },
		"gap": func(c *galore.Config) { c.UpdateProjGap = 0 }, "scale": func(c *galore.Config) { c.Scale = 0 },
		"proj_type": func(c *galore.Config) { c.ProjType = "both" }, "projector": func(c *galore.Config) { c.Projector = "qr" },
		"projector_dtype": func(c *galore.Config) { c.ProjectorDType = "int2" }, "moments": func(c *galore.Config) { c.Moments = "forget" },
		"reset_step": func(c *galore.Config) { c.ResetStep = true },
		"targets":    func(c *galore.Config) { c.Targets = []models.Role{models.Head} },
	} {
		c := good
		change(&c)
		if _, err := galore.New(c); err == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
}

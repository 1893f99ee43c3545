package lowrank_test

import (
	"math"
	"testing"

	"ranklab/internal/random"
	"ranklab/lowrank"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

func config(init lowrank.Init) lowrank.Config {
	return lowrank.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 4, Init: init, Alpha: 32}
}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		init lowrank.Init
		lr   float64
	}{{"", 0.1}, {lowrank.Spectral, 0.1}, {lowrank.Kaiming, 0.03}} {
		t.Run("init "+string(c.init), func(t *testing.T) {
			optimtest.Run(t, optimtest.Case{
				New: func() (optim.Method, error) { return lowrank.New(config(c.init)) },
				LR:  c.lr, Reduce: 10, Breaks: []int{1, 13},
				State: func(p *models.Param) int { return 2 * p.W.Rows * p.W.Cols },
			})
		})
	}
}

func problem(t *testing.T, c lowrank.Config) *optimtest.Problem {
	t.Helper()
	m, err := lowrank.New(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := optimtest.NewProblem(m, 1, 0, 10, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func deviation(d *tensor.Device, ms ...tensor.Matrix) float64 {
	sum, n := 0.0, 0
	for _, m := range ms {
		sum += d.SumSquares(m)
		n += m.Rows * m.Cols
	}
	return math.Sqrt(sum / float64(n))
}

// The entries of s·B·A have the standard deviation of a dense weight (matched)
// or s/(3√in) (kaiming).
func TestDeviationOfTheProduct(t *testing.T) {
	for init, want := range map[lowrank.Init]func(l *models.Linear) float64{
		lowrank.Matched: func(*models.Linear) float64 { return 0.1 },
		lowrank.Kaiming: func(l *models.Linear) float64 { return 8 / (3 * math.Sqrt(float64(l.In))) },
	} {
		p := problem(t, config(init))
		var ratio float64
		for _, l := range p.Model.Linears() {
			if l.Weight != nil {
				t.Fatalf("%s keeps its dense weight", l.Name)
			}
			ratio += deviation(p.Device, optimtest.Effective(p.Device, l)) / want(l) / 7
		}
		if math.Abs(ratio-1) > 0.1 {
			t.Errorf("%s: standard deviation of the products is %v of the expected", init, ratio)
		}
	}
	// σ_f = (σ²/r)^¼: 0.3162 at σ = 0.1, r = 1.
	c := config(lowrank.Matched)
	c.Rank = 1
	p := problem(t, c)
	var factors []tensor.Matrix
	for _, l := range p.Model.Linears() {
		factors = append(factors, l.A.W, l.B.W)
	}
	if got := deviation(p.Device, factors...); math.Abs(got-0.3162) > 0.03 {
		t.Errorf("matched: σ_f = %v, want 0.3162", got)
	}
}

// At full rank the spectral product is the weight that full-rank training with
// the same seed starts from; below, B and A are balanced: BᵀB = AAᵀ = Σ_r.
func TestSpectral(t *testing.T) {
	c := config(lowrank.Spectral)
	c.Rank = 16
	p := problem(t, c)
	dense, err := optim.NewFullRank(c.Base)
	if err != nil {
		t.Fatal(err)
	}
	q, err := optimtest.NewProblem(dense, 1, 0, 10, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for i, l := range p.Model.Linears() {
		e := optimtest.Effective(p.Device, l)
		p.Device.Axpy(-1, q.Model.Linears()[i].Weight.W, e)
		if diff := math.Sqrt(p.Device.SumSquares(e)); diff > 1e-5 {
			t.Errorf("%s: the product is %v away from the dense start", l.Name, diff)
		}
	}
	c.Rank = 3
	p = problem(t, c)
	for _, l := range p.Model.Linears() {
		left, right := tensor.Of(make([]float32, 9), 3, 3), tensor.Of(make([]float32, 9), 3, 3)
		p.Device.Gemm(tensor.T, tensor.N, 1, l.B.W, l.B.W, 0, left)
		p.Device.Gemm(tensor.N, tensor.T, 1, l.A.W, l.A.W, 0, right)
		p.Device.Axpy(-1, left, right)
		if left.Data[0] < left.Data[4] || math.Abs(float64(left.Data[1])) > 1e-6 || p.Device.SumSquares(right) > 1e-11 {
			t.Errorf("%s: BᵀB = %v, AAᵀ - BᵀB = %v", l.Name, left.Data, right.Data)
		}
	}
}

// The initialisers of a pair may run in either order.
func TestSpectralOrder(t *testing.T) {
	p := problem(t, config(lowrank.Spectral))
	for _, l := range p.Model.Linears() {
		a, b := append([]float32{}, l.A.W.Data...), append([]float32{}, l.B.W.Data...)
		l.B.Init(p.Device, l.B.W, random.New(1))
		l.A.Init(p.Device, l.A.W, random.New(2))
		for i := range a {
			if a[i] != l.A.W.Data[i] {
				t.Fatalf("%s: A depends on the order", l.Name)
			}
		}
		for i := range b {
			if b[i] != l.B.W.Data[i] {
				t.Fatalf("%s: B depends on the order", l.Name)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for name, change := range map[string]func(*lowrank.Config){
		"rule": func(c *lowrank.Config) { c.Rule = nil }, "rank": func(c *lowrank.Config) { c.Rank = 0 },
		"init": func(c *lowrank.Config) { c.Init = "xavier" }, "alpha": func(c *lowrank.Config) { c.Init, c.Alpha = lowrank.Kaiming, 0 },
		"targets": func(c *lowrank.Config) { c.Targets = []models.Role{models.Embedding} },
	} {
		c := config("")
		change(&c)
		if _, err := lowrank.New(c); err == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
	c := config("")
	c.Rank = 17
	m, err := lowrank.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := optimtest.NewProblem(m, 1, 0, 10, tensor.Precision{}); err == nil {
		t.Error("rank 17 of a 16 × 16 weight is accepted")
	}
}

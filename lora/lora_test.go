package lora_test

import (
	"math"
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/lora"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

func config() lora.Config {
	return lora.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 4, Alpha: 4}
}

func TestConformance(t *testing.T) {
	targeted := config()
	targeted.Targets, targeted.Scaling = []models.Role{models.MLP}, lora.AlphaOverSqrtR
	momentum := config()
	momentum.Rule, momentum.Scaling = optim.SGD{Momentum: 0.8}, lora.Fixed
	momentum.Alpha = 0.5
	numel := func(p *models.Param) int { return p.W.Rows * p.W.Cols }
	twice := func(p *models.Param) int { return 2 * numel(p) }
	for _, c := range []struct {
		name   string
		config lora.Config
		lr     float64
		state  func(p *models.Param) int
	}{{"adamw", config(), 0.1, twice}, {"mlp only", targeted, 0.1, twice}, {"momentum", momentum, 0.1, numel}} {
		t.Run(c.name, func(t *testing.T) {
			optimtest.Run(t, optimtest.Case{
				New: func() (optim.Method, error) { return lora.New(c.config) },
				LR:  c.lr, Reduce: 10, Breaks: []int{1, 13}, State: c.state,
			})
		})
	}
}

// The closed formula of a whole layer, d = 16 and f = 24: r·(8d + 3(d+f))
// elements of adapters, and 2r(m+n) of state per adapted weight.
func TestSizes(t *testing.T) {
	const r, d, f = 4, 16, 24
	m, err := lora.New(config())
	if err != nil {
		t.Fatal(err)
	}
	l, model := memory.Predict(), optimtest.Model()
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	env := optim.Env{Device: device, Ledger: l, Key: random.New(1), Steps: 10}
	if err := m.Attach(model, env); err != nil {
		t.Fatal(err)
	}
	model.Allocate(models.Runtime{Device: device, Ledger: l, Key: env.Key}, 1, 4, true)
	const adapters = r * (8*d + 3*(d+f))
	const rest = 2*12*d + 2*d + d
	books := l.ByCategory()
	if got := books[memory.Adapters]; got != 4*adapters {
		t.Errorf("adapters: %d bytes, want %d", got, 4*adapters)
	}
	if got := books[memory.OptimizerState]; got != 4*2*(adapters+rest) {
		t.Errorf("state: %d bytes, want %d", got, 4*2*(adapters+rest))
	}
}

func TestScaling(t *testing.T) {
	for _, c := range []struct {
		s    lora.Scaling
		want float64
	}{{"", 0.25}, {lora.AlphaOverR, 0.25}, {lora.AlphaOverSqrtR, 32 / math.Sqrt(128)}, {lora.Fixed, 32}} {
		if got := c.s.Factor(32, 128); got != c.want {
			t.Errorf("%q: s = %v, want %v", c.s, got, c.want)
		}
	}
}

// A is uniform on ±1/√in, B is zero: at the start the model computes what the
// frozen weight computes.
func TestStart(t *testing.T) {
	m, err := lora.New(config())
	if err != nil {
		t.Fatal(err)
	}
	p, err := optimtest.NewProblem(m, 1, 0, 10, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, l := range p.Model.Linears() {
		bound := 1 / math.Sqrt(float64(l.In))
		largest := 0.0
		for _, v := range l.A.W.Data {
			largest = max(largest, math.Abs(float64(v)))
		}
		if largest > bound || largest < 0.9*bound {
			t.Errorf("%s: largest |A| is %v, bound %v", l.Name, largest, bound)
		}
		std := math.Sqrt(p.Device.SumSquares(l.A.W) / float64(len(l.A.W.Data)))
		if want := bound / math.Sqrt(3); math.Abs(std-want) > 0.2*want {
			t.Errorf("%s: standard deviation of A is %v, want %v", l.Name, std, want)
		}
		if p.Device.SumSquares(l.B.W) != 0 || !l.Weight.Frozen {
			t.Errorf("%s: B is not zero or the weight not frozen", l.Name)
		}
	}
}

// On the real model: dA is zero in the first update and never again, dB never
// is; the frozen weights do not move and get no gradient.
func TestLiveGradients(t *testing.T) {
	c := config()
	c.Dropout = 0.1
	m, err := lora.New(c)
	if err != nil {
		t.Fatal(err)
	}
	d := tensor.NewDevice(tensor.Options{Threads: 2})
	defer d.Close()
	model, l, key := optimtest.Model(), memory.New(), random.New(3)
	if err := m.Attach(model, optim.Env{Device: d, Ledger: l, Key: key, Steps: 5}); err != nil {
		t.Fatal(err)
	}
	model.Allocate(models.Runtime{Device: d, Ledger: l, Key: key}, 1, 6, true)
	batch := models.Batch{B: 1, T: 6, Tokens: []int32{1, 5, 2, 7, 3, 4}, Targets: []int32{5, 2, 7, 3, 4, 0}}
	first := math.NaN()
	for n := range 5 {
		batch.Step = n
		model.Forward(batch, true)
		seen := 0
		loss, _ := model.Backward(batch, 1./6, func(p *models.Param, g tensor.Matrix) {
			seen++
			isA := p.Adapter && p.W.Rows == c.Rank
			if zero := d.SumSquares(g) == 0; p.Adapter && zero != (isA && n == 0) {
				t.Errorf("update %d: gradient of %s is zero: %v", n, p.Name, zero)
			}
			m.Update(p, g, optim.Step{N: n, LR: 0.01})
		})
		if seen != len(model.Params())-7 {
			t.Errorf("update %d: %d gradients of %d parameters, 7 of them frozen", n, seen, len(model.Params()))
		}
		if n == 0 {
			first = loss
		} else if n == 4 && !(loss < first) {
			t.Errorf("the loss rose from %v to %v", first, loss)
		}
	}
}

// With s = 0 LoRA trains what is outside the targets, and nothing else.
func TestZeroScaleTrainsTheRest(t *testing.T) {
	c := config()
	c.Alpha = 0
	m, err := lora.New(c)
	if err != nil {
		t.Fatal(err)
	}
	full, err := optim.NewFullRank(c.Base)
	if err != nil {
		t.Fatal(err)
	}
	var rest [2]optimtest.Snapshot
	for i, method := range []optim.Method{m, full} {
		p, err := optimtest.NewProblem(method, 1, 0, 20, tensor.Precision{})
		if err != nil {
			t.Fatal(err)
		}
		before := p.Save()
		if err := p.Train(0, 20, 0.05); err != nil {
			t.Fatal(err)
		}
		rest[i] = optimtest.Snapshot{}
		for name, v := range p.Save() {
			for _, q := range p.Model.Params() {
				if name == "weights "+q.Name && q.Role != models.Attention && q.Role != models.MLP {
					rest[i][name] = v
				} else if name == "weights "+q.Name && method == optim.Method(m) && before[name][1] != v[1] {
					t.Errorf("%s moved", q.Name)
				}
			}
		}
		p.Close()
	}
	if diff := optimtest.Diff(rest[0], rest[1]); diff != "" || len(rest[0]) != 5 {
		t.Errorf("the rest (%d buffers) is not trained as at full rank: %s", len(rest[0]), diff)
	}
}

func TestErrors(t *testing.T) {
	for name, change := range map[string]func(*lora.Config){
		"rule": func(c *lora.Config) { c.Rule = nil }, "rank": func(c *lora.Config) { c.Rank = 0 },
		"alpha": func(c *lora.Config) { c.Alpha = -1 }, "scaling": func(c *lora.Config) { c.Scaling = "none" },
		"dropout": func(c *lora.Config) { c.Dropout = 1 }, "targets": func(c *lora.Config) { c.Targets = []models.Role{models.Norm} },
	} {
		c := config()
		change(&c)
		if _, err := lora.New(c); err == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
	c := config()
	c.Rank = 17
	m, err := lora.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := optimtest.NewProblem(m, 1, 0, 10, tensor.Precision{}); err == nil {
		t.Error("rank 17 of a 16 × 16 weight is accepted")
	}
}

package optim_test

import (
	"math"
	"strings"
	"testing"

	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// scalar trains the weight 1 on the gradients and returns it after each update.
func scalar(t *testing.T, b optim.Base, lr float64, gradients ...float32) []float64 {
	t.Helper()
	if err := b.Validate(); err != nil {
		t.Fatal(err)
	}
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	p := &models.Param{Name: "w", Role: models.MLP, W: tensor.Of([]float32{1}, 1, 1)}
	set := optim.NewSet(b, optim.Env{Device: d, Ledger: memory.New()}, []*models.Param{p}, func(*models.Param) bool { return true })
	var w []float64
	for i, g := range gradients {
		set.Update(p, tensor.Of([]float32{g}, 1, 1), optim.Clock{N: i, T: i + 1, LR: lr})
		w = append(w, float64(p.W.Data[0]))
	}
	return w
}

func within(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance) {
			t.Errorf("%s, t = %d: %.12f, want %.12f", what, i+1, got[i], want[i])
		}
	}
}

// Worked by hand in double precision for W = 1, η = 0.01 and three gradients;
// the rules differ in the fourth digit, float32 rounds in the eighth.
func TestAdamWConventions(t *testing.T) {
	torch, galore := optim.DefaultAdamW(), optim.DefaultAdamW()
	galore.Convention, galore.Eps = optim.GaLoreAdamW, 1e-6
	const rounding = 3e-7
	for _, c := range []struct {
		name string
		rule optim.AdamW
		λ    float64
		at   optim.Decay
		size float32
		want []float64
	}{
		{"torch, L2", torch, 0.1, optim.DecayL2, 0.1, []float64{0.990000000500, 0.987375197176, 0.980811594664}},
		{"torch, decay before", torch, 0.1, optim.DecayBefore, 0.1, []float64{0.989000001000, 0.991672036038, 0.987247953358}},
		{"galore, decay after", galore, 0.1, optim.DecayAfter, 0.1, []float64{0.989013158117, 0.991681001984, 0.987260632429}},
		{"torch, decay after", torch, 0.1, optim.DecayAfter, 0.1, []float64{0.989010000999, 0.991678365002, 0.987257708403}},
		{"torch, small gradients", torch, 0, "", 1e-5, []float64{0.990009990010, 0.993668711649, 0.990237888555}},
		{"galore, small gradients", galore, 0, "", 1e-5, []float64{0.997597469266, 0.999113830888, 0.997253783752}},
	} {
		b := optim.Base{Rule: c.rule, WeightDecay: c.λ, Decay: c.at}
		within(t, c.name, scalar(t, b, 0.01, c.size, -2*c.size, 3*c.size), c.want, rounding)
	}
}

// galore with ε is torch with ε/√(1-β2ᵗ): 31.6 times larger at t = 1.
func TestConventionsDifferInEpsilonOnly(t *testing.T) {
	torch, galore := optim.DefaultAdamW(), optim.DefaultAdamW()
	galore.Convention, galore.Eps = optim.GaLoreAdamW, 1e-6
	torch.Eps = 1e-6 / math.Sqrt(0.001)
	within(t, "galore", scalar(t, optim.Base{Rule: galore}, 0.01, 1e-5), scalar(t, optim.Base{Rule: torch}, 0.01, 1e-5), 1e-7)
}

// Update 0 of a warm-up has rate 0: the weight stays and the moments fill.
func TestZeroLearningRateFillsMoments(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	dir := optim.DefaultAdamW().Direction(optim.Env{Device: d, Ledger: memory.New()}, "w", 1, 1)
	g := tensor.Of([]float32{0.5}, 1, 1)
	dir.Step(g, optim.Clock{T: 1})
	if g.Data[0] != 0 {
		t.Errorf("step %v at learning rate 0", g.Data[0])
	}
	for _, b := range dir.State() {
		if b.Data.Floats[0] == 0 {
			t.Errorf("%s is still zero", b.Name)
		}
	}
}

func TestSGD(t *testing.T) {
	within(t, "momentum", scalar(t, optim.Base{Rule: optim.SGD{Momentum: 0.5}}, 0.1, 1, 1, 1), []float64{0.9, 0.75, 0.575}, 1e-7)
	within(t, "plain", scalar(t, optim.Base{Rule: optim.SGD{}}, 0.1, 1, 1, 1), []float64{0.9, 0.8, 0.7}, 1e-7)
}

// By hand, η = 0.1, g = 1, -2: at t = 1 β2 = 0, so U = 1 and its RMS is 1; at
// t = 2 β2 = 1 - 2^-0.8, V = β2 + (1-β2)·4 and U = -2/√V has RMS above the
// threshold 1, so U = -1. With β1 = 0.5 the momentum averages η·U.
func TestAdafactorByHand(t *testing.T) {
	a := optim.DefaultAdafactor()
	within(t, "no momentum", scalar(t, optim.Base{Rule: a}, 0.1, 1, -2), []float64{0.9, 1.0}, 1e-7)
	a.ClipThreshold = 10
	v := 1 + 3*math.Pow(2, -0.8)
	within(t, "no clipping", scalar(t, optim.Base{Rule: a}, 0.1, 1, -2), []float64{0.9, 0.9 + 0.2/math.Sqrt(v)}, 1e-7)
	a.ClipThreshold, a.Momentum = 1, 0.5
	within(t, "momentum", scalar(t, optim.Base{Rule: a}, 0.1, 1, -2), []float64{0.95, 0.95 + 0.025}, 1e-7)
}

// The learning rate enters Adafactor's momentum: a rate that changes from one
// update to the next gives β1·M + (1-β1)·η·U, not η·(β1·M + (1-β1)·U).
func TestAdafactorRateInsideMomentum(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	a := optim.DefaultAdafactor()
	a.Momentum = 0.5
	dir := a.Direction(optim.Env{Device: d, Ledger: memory.New()}, "w", 1, 1)
	dir.Step(tensor.Of([]float32{1}, 1, 1), optim.Clock{T: 1, LR: 0.1})
	g := tensor.Of([]float32{1}, 1, 1)
	dir.Step(g, optim.Clock{T: 2})
	if math.Abs(float64(g.Data[0])-0.025) > 1e-7 {
		t.Errorf("step %v, want half of the old 0.05", g.Data[0])
	}
}

func TestLearningRateGroups(t *testing.T) {
	b := optim.Base{Rule: optim.SGD{}, LRGroups: map[models.Role]float64{models.MLP: 0.25, models.Norm: 0}}
	within(t, "mlp", scalar(t, b, 0.4, 1), []float64{0.9}, 1e-7)
	for role, want := range map[models.Role]float64{models.MLP: 0.1, models.Norm: 0, models.Head: 0.4} {
		if got := b.LR(role, 0.4); got != want {
			t.Errorf("rate of %s: %v, want %v", role, got, want)
		}
	}
	// Decoupled decay uses the rate of the group.
	b.WeightDecay = 0.5
	within(t, "mlp with decay", scalar(t, b, 0.4, 0), []float64{0.95}, 1e-7)
}

func TestBaseValidate(t *testing.T) {
	bad := optim.Base{
		Rule: optim.AdamW{Betas: [2]float64{0.9, 1}, Eps: 1e-8}, WeightDecay: -1, Decay: "during",
		LRGroups: map[models.Role]float64{"attention": 1, models.MLP: math.NaN()},
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"betas", "weight_decay", "decay \"during\"", "lr_groups names \"attention\"", "lr_groups.mlp"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %q", err, want)
		}
	}
	for name, r := range map[string]optim.Rule{
		"eps":        optim.AdamW{Betas: [2]float64{0.9, 0.999}},
		"convention": optim.AdamW{Betas: [2]float64{0.9, 0.999}, Eps: 1, Convention: "pytorch"},
		"momentum":   optim.SGD{Momentum: 1},
		"decay_rate": optim.Adafactor{ClipThreshold: 1},
		"clip":       optim.Adafactor{DecayRate: 0.8},
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (optim.Base{}).Validate(); err == nil {
		t.Error("a base without a rule is valid")
	}
}

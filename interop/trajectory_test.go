package interop

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/tensor"
)

// TestTrajectories trains every case and requires that the final weights and
// the loss curve are no further from PyTorch's float64 run (L2 norms) than 4
// times PyTorch's own float32 run is.
func TestTrajectories(t *testing.T) {
	s, device := suite(t)
	for _, c := range s.Cases {
		t.Run(c.Name, func(t *testing.T) {
			f := golden(t, c.Name)
			var same Case
			if metadata(t, f, "case", &same); !reflect.DeepEqual(same, c) {
				t.Fatalf("the golden was computed for\n%+v, cases.json has\n%+v: regenerate", same, c)
			}
			d := follow(t, s, device, c, f)
			t.Logf("weights: ours %.1e, PyTorch %.1e   loss curve: ours %.1e, PyTorch %.1e",
				d.weights, d.theirWeights, d.loss, d.theirLoss)
			d.check(t.Errorf)
		})
	}
}

// TestTrajectoriesNotice changes one thing in a case and requires that the
// comparison fails and says where the change took effect first.
func TestTrajectoriesNotice(t *testing.T) {
	s, device := suite(t)
	for _, x := range []struct {
		name   string
		update int // first difference
		tensor string
		change func(*Case)
	}{
		{"adamw", 1, "model.embed_tokens.weight", func(c *Case) { c.Betas = []float64{0.91, c.Betas[1]} }},
		{"adamw-decay-before", 1, "model.embed_tokens.weight", func(c *Case) { c.Decay = "after" }},
		{"adamw-galore-decay-after", 1, "model.embed_tokens.weight", func(c *Case) { c.Convention = "torch" }},
		{"adafactor", 1, "model.embed_tokens.weight", func(c *Case) { c.DecayRate = 0.81 }},
		{"galore-adamw-std", 1, "model.layers.0.self_attn.q_proj.weight", func(c *Case) { c.Scale = 0.251 }},
		{"galore-sgd-full", 5, "model.layers.0.self_attn.q_proj.weight", func(c *Case) { c.UpdateProjGap = 6 }},
		{"relora-boundary", 4, "model.layers.0.self_attn.q_proj.weight", func(c *Case) { c.MergeAt = "reference" }},
		{"relora-boundary", 6, "model.layers.0.mlp.down_proj.lora_B.weight", func(c *Case) { c.ResetStep = false }},
		{"relora-two-clocks", 4, "model.layers.0.mlp.down_proj.lora_A.weight", func(c *Case) { c.CycleLength = 4 }},
	} {
		for _, c := range s.Cases {
			if c.Name != x.name {
				continue
			}
			x.change(&c)
			d := follow(t, s, device, c, golden(t, c.Name))
			failed := 0
			d.check(func(string, ...any) { failed++ })
			if failed == 0 {
				t.Errorf("%s: a change went unnoticed", x.name)
			}
			if d.update != x.update || d.tensor != x.tensor {
				t.Errorf("%s: first difference after update %d, %s; want update %d, %s", x.name, d.update, d.tensor, x.update, x.tensor)
			}
		}
	}
}

// A deviation says how far a run is from PyTorch's float64 run.
type deviation struct {
	weights, theirWeights float64 // relative L2 norm over all final weights; that of PyTorch's float32 run
	loss, theirLoss       float64 // L2 norm over the loss curve
	// The first update after which a tensor differs by more than float32
	// explains, and that tensor; "" if none does.
	update int
	tensor string
}

// check calls fail for what is out of bounds.
func (d deviation) check(fail func(format string, args ...any)) {
	if !(d.weights <= 4*d.theirWeights) {
		fail("final weights: distance to float64 %.2e, PyTorch's float32 has %.2e", d.weights, d.theirWeights)
	}
	if !(d.loss <= 4*d.theirLoss) {
		fail("loss curve: distance to float64 %.2e, PyTorch's float32 has %.2e", d.loss, d.theirLoss)
	}
	switch within := d.weights <= 4*d.theirWeights && d.loss <= 4*d.theirLoss; {
	case d.tensor != "":
		fail("first difference: after update %d, %s", d.update, d.tensor)
	case !within:
		fail("no tensor differs by much after any one update: the deviation accumulates")
	}
}

// follow trains case c beside the golden run f.
func follow(t *testing.T, s *Suite, device *tensor.Device, c Case, f *safetensors.File) deviation {
	t.Helper()
	run, err := s.Start(c, device)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range f.Names() { // in the order of golden.py
		if name, ok := strings.CutPrefix(name, "weights/"); ok {
			names = append(names, name)
		}
	}
	rates, loss, f32Loss := float64s(t, f, "lr"), float64s(t, f, "loss"), float64s(t, f, "f32_loss")
	probes, f32Distance := float64s(t, f, "probe"), float64s(t, f, "f32_distance") // (updates, names)
	var d deviation
	for u := range c.Updates {
		if lr := run.LR(u); !(math.Abs(lr-rates[u]) <= 1e-12*c.LR) {
			t.Fatalf("update %d: learning rate %v, PyTorch has %v", u, lr, rates[u])
		}
		l, err := run.Update(u)
		if err != nil {
			t.Fatal(err)
		}
		d.loss += square(l - loss[u])
		d.theirLoss += square(f32Loss[u] - loss[u])
		for i, name := range names {
			p := param(t, run, name)
			if d.tensor != "" || run.Absent(p) {
				continue
			}
			// The probe of a random error e is about ‖e‖/√2.
			w, at := tensor.Values(p.W), u*len(names)+i
			if limit := 8*f32Distance[at] + 1e-6*norm(w); !(math.Abs(probe(w)-probes[at]) <= limit) {
				d.update, d.tensor = u, name
			}
		}
	}
	var total float64
	last := f32Distance[len(f32Distance)-len(names):]
	for i, name := range names {
		difference, size := distance(t, tensor.Values(param(t, run, name).W), float64s(t, f, "weights/"+name))
		d.weights += square(difference)
		d.theirWeights += square(last[i])
		total += square(size)
	}
	d.weights, d.theirWeights = math.Sqrt(d.weights/total), math.Sqrt(d.theirWeights/total)
	d.loss, d.theirLoss = math.Sqrt(d.loss), math.Sqrt(d.theirLoss)
	return d
}

func square(x float64) float64 { return x * x }

func norm(w []float32) float64 {
	var s float64
	for _, v := range w {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

// probe is what golden.py calls probe: a number that changes when any element
// changes.
func probe(w []float32) float64 {
	var s float64
	for i, v := range w {
		s += float64(v) * math.Cos(float64(i+1))
	}
	return s
}

func param(t *testing.T, run *Session, name string) *models.Param {
	t.Helper()
	for _, p := range run.Model.Params() {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("the model has no %q", name)
	return nil
}

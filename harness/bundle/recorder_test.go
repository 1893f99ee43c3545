package bundle_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/bundle"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// The dropout masks are those of the run's generator, of every micro-batch and
// of every module that drops.
func TestDropoutMasks(t *testing.T) {
	o := options(t, "lora")
	b := write(t, o)
	f := b.open(t, bundle.RandomFile)
	s := o.Spec
	if n := len(f.Names()); n != updates*2*len(b.Factors) {
		t.Errorf("%d masks of %d updates, 2 micro-batches and %d modules", n, updates, len(b.Factors))
	}
	const module, in = "model.layers.1.mlp.down_proj", 24
	for _, u := range []int{0, 5} {
		for micro := range 2 {
			name := fmt.Sprintf("dropout/%06d/%02d/%s", u, micro, module)
			if info, _ := f.Info(name); fmt.Sprint(info.Shape) != fmt.Sprint([]int{2, 16, in}) {
				t.Fatalf("%s has shape %v", name, info.Shape)
			}
			key := random.New(uint64(s.Seed.Init)).Stream("dropout").Tensor(module).Step(u)
			offset := uint64(micro * s.Train.BatchSize * s.Train.MaxLength * in)
			for i, keep := range raw(t, f, name) {
				if dropped := key.Float32(offset+uint64(i)) < float32(s.Method.LoraDropout); dropped == (keep == 1) {
					t.Fatalf("%s: element %d is %d", name, i, keep)
				}
			}
		}
	}
}

// A warm start, merges and resets are where the manifest says, with the A that
// training goes on with and the masks of the prunings.
func TestReLoRA(t *testing.T) {
	o := options(t, "relora")
	b := write(t, o)
	if len(b.Phases) != 2 || b.Phases[1].From != 3 {
		t.Fatalf("phases start at %v", b.Phases)
	}
	for _, p := range b.Parameters {
		weight := strings.HasSuffix(p.Name, "_proj.weight")
		for i, phase := range b.Phases {
			if want := !p.Adapter && !weight || weight == (i == 0); slices.Contains(phase.Trained, p.Name) != want {
				t.Errorf("phase %d trains %s: %v", i, p.Name, !want)
			}
		}
	}
	kinds := map[int]string{2: "activate", 5: "merge reset"}
	times := []int{0, 0, 0, 1, 2, 3, 4, 5} // a random reset leaves the clock
	for u, step := range b.Steps {
		var events []string
		for _, e := range step.Events {
			events = append(events, e.Kind)
		}
		if strings.Join(events, " ") != kinds[u] || step.T["adapters"] != times[u] {
			t.Errorf("update %d: events %q, t %v", u, events, step.T)
		}
	}
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	f := b.open(t, bundle.RandomFile)
	key := random.New(uint64(o.Spec.Seed.Init))
	kept, all := 0, 0
	for _, factors := range b.Factors {
		a := floats(t, f, "merge/000005/"+factors.A)
		want := tensor.Of(make([]float32, a.Rows*a.Cols), a.Rows, a.Cols)
		device.FillUniform(want, 1/math.Sqrt(float64(a.Cols)), key.Stream("relora").Tensor(factors.A).Step(1))
		equal(t, "merge/000005/"+factors.A, a, want)
		for _, factor := range []string{factors.A, factors.B} {
			for _, kind := range []string{".exp_avg", ".exp_avg_sq"} {
				draw := key.Stream("relora.prune").Tensor(factor + kind).Step(1)
				for i, keep := range raw(t, f, "keep/000005/"+factor+kind) {
					if keep == 0 && float64(draw.Float32(uint64(i))) > 0.5 {
						t.Fatalf("%s: element %d is pruned, but was to be kept", factor+kind, i)
					}
					kept += int(keep)
					all++
				}
			}
		}
	}
	if share := float64(kept) / float64(all); share < 0.4 || share > 0.6 {
		t.Errorf("%v of the state is kept", share)
	}
}

// A stored basis is what the projector makes of the stored gradient, to the bit:
// of this gradient, after decay, and from the basis before.
func TestBases(t *testing.T) {
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	t.Run("range finder", func(t *testing.T) {
		o := options(t, "galore")
		b := write(t, o)
		bases, gradients, drawn := b.open(t, bundle.ProjectorsFile), b.open(t, bundle.GradientsFile), b.open(t, bundle.RandomFile)
		if n := len(bases.Names()); n != 3*2*len(b.Projected) || len(gradients.Names()) != 3*len(b.Projected) || len(b.Projected) != 14 {
			t.Fatalf("%d bases and %d gradients of %d weights", n, len(gradients.Names()), len(b.Projected))
		}
		for _, p := range b.Projected {
			right := tensor.Of(make([]float32, 4*16), 4, 16)
			if strings.Contains(p.Parameter, "down") {
				right = tensor.Of(make([]float32, 4*24), 4, 24)
			}
			if p.Rank != 4 || p.Shape[0] != 4 || p.Shape[1] != 4 {
				t.Errorf("%+v", p)
			}
			for _, u := range []int{0, 3, 6} {
				at := fmt.Sprintf("%06d/", u)
				g := floats(t, gradients, at+p.Parameter)
				w := tensor.NewRangeFinder(memory.New(), "test", tensor.Panel{Out: g.Rows, In: g.Cols, Rank: 4})
				key := random.New(uint64(o.Spec.Seed.Init)).Stream("range_finder").Tensor(p.Right).Step(u)
				if _, ok := device.FindRight(w, g, right, key); !ok {
					t.Fatalf("%s%s has no basis", at, p.Parameter)
				}
				equal(t, at+p.Right, floats(t, bases, at+p.Right), right)
				start := device.StartRows(tensor.Panel{Out: g.Rows, In: g.Cols, Rank: 4}, u == 0, key)
				equal(t, "range_finder/"+at+p.Right, floats(t, drawn, "range_finder/"+at+p.Right), start)
			}
		}
		for u, step := range b.Steps {
			if want := map[bool]int{true: 28}[u%3 == 0]; step.Refreshed != want {
				t.Errorf("update %d refreshed %d bases, not %d", u, step.Refreshed, want)
			}
		}
	})
	t.Run("svd, kept in bfloat16", func(t *testing.T) {
		b := write(t, options(t, "galore8bit"))
		bases, gradients := b.open(t, bundle.ProjectorsFile), b.open(t, bundle.GradientsFile)
		if len(b.open(t, bundle.RandomFile).Names()) != 0 {
			t.Error("an exact decomposition draws nothing")
		}
		if len(b.DynamicMap["signed"]) != 256 || len(b.DynamicMap["unsigned"]) != 256 {
			t.Errorf("maps of %d and %d values", len(b.DynamicMap["signed"]), len(b.DynamicMap["unsigned"]))
		}
		for _, p := range b.Projected {
			name, left := "000003/"+p.Right, p.Left != ""
			if left {
				name = "000003/" + p.Left
			}
			g := floats(t, gradients, "000003/"+p.Parameter)
			got := floats(t, bases, name)
			basis := tensor.Of(make([]float32, got.Rows*got.Cols), got.Rows, got.Cols)
			w := tensor.NewSVD(memory.New(), "test", 16, 24, 0)
			find := device.RightBasis
			if left {
				find = device.LeftBasis
			}
			if _, ok := find(w, g, basis); !ok {
				t.Fatalf("%s has no basis", name)
			}
			kept := tensor.AllocStore(memory.New(), memory.Projectors, "test", basis.Rows, basis.Cols, tensor.Format{Type: tensor.BFloat16})
			device.Save(kept, basis, tensor.Rounding{})
			device.Load(basis, kept)
			equal(t, name, got, basis)
		}
	})
}

// A random basis is what its stored rows give, kept in its format, and the time of
// projected weights starts again with each.
func TestRandomBases(t *testing.T) {
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	for name, law := range map[string]tensor.Law{"stiefel": tensor.Stiefel, "gaussian": tensor.Gaussian} {
		o := options(t, name)
		b := write(t, o)
		bases, gradients, drawn := b.open(t, bundle.ProjectorsFile), b.open(t, bundle.GradientsFile), b.open(t, bundle.RandomFile)
		sides := map[string]int{"stiefel": 2, "gaussian": 1}[name]
		if n := len(bases.Names()); n != 3*sides*14 || len(drawn.Names()) != n || len(gradients.Names()) != 3*14 {
			t.Fatalf("%s: %d bases, %d draws and %d gradients", name, n, len(drawn.Names()), len(gradients.Names()))
		}
		format := tensor.Format{Type: tensor.Affine4, Block: 256}
		if name == "gaussian" {
			format = tensor.Format{Type: tensor.BFloat16}
		}
		for _, p := range b.Projected {
			for _, side := range []string{p.Left, p.Right} {
				if side == "" {
					continue
				}
				left := side == p.Left
				g := floats(t, gradients, "000003/"+p.Parameter)
				panel := tensor.Panel{Out: g.Rows, In: g.Cols, Rank: 4, Left: left}
				w := tensor.NewRandomBasis(memory.New(), "test", law, panel)
				key := random.New(uint64(o.Spec.Seed.Init)).Stream(name).Tensor(side).Step(3)
				got := floats(t, bases, "000003/"+side)
				want := tensor.Of(make([]float32, got.Rows*got.Cols), got.Rows, got.Cols)
				if left {
					device.DrawLeft(w, g, want, key)
				} else {
					device.DrawRight(w, g, want, key)
				}
				kept := tensor.AllocStore(memory.New(), memory.Projectors, "test", want.Rows, want.Cols, format)
				device.Save(kept, want, tensor.Rounding{})
				device.Load(want, kept)
				equal(t, side, got, want)
				equal(t, name+"/000003/"+side, floats(t, drawn, name+"/000003/"+side), device.NormalRows(4, max(want.Rows, want.Cols), key))
			}
		}
		for u, step := range b.Steps {
			want := map[string]int{"others": u + 1}
			if name == "stiefel" { // resets
				want["projected"] = u%3 + 1
			}
			if !maps.Equal(step.T, want) {
				t.Errorf("%s, update %d: t %v, want %v", name, u, step.T, want)
			}
		}
	}
}

// A bundle whose numbers depend on noise that it does not hold says so.
func TestStochasticRounding(t *testing.T) {
	for _, c := range []struct {
		name               string
		dtype, state       string
		replayable, limits int
	}{
		{"lora", "bfloat16_stochastic", "float32", 0, 1},
		{"lora", "bfloat16_stochastic", "bfloat16_stochastic", 0, 2},
		{"lora", "bfloat16", "bfloat16", 1, 0},
		{"galore8bit", "float32", "bfloat16_stochastic", 1, 0}, // bases are rounded to nearest, moments have 8 bits
	} {
		o := options(t, c.name)
		o.Spec.Train.Dtype, o.Spec.Train.StateDtype, o.Steps = c.dtype, c.state, 1
		if b := write(t, o); b.Replayable != (c.replayable == 1) || len(b.Limits) != c.limits {
			t.Errorf("%s, %s, %s: replayable %v, limits %q", c.name, c.dtype, c.state, b.Replayable, b.Limits)
		}
	}
}

func equal(t *testing.T, name string, got, want tensor.Matrix) {
	t.Helper()
	if got.Rows != want.Rows || got.Cols != want.Cols {
		t.Fatalf("%s is %d × %d, want %d × %d", name, got.Rows, got.Cols, want.Rows, want.Cols)
	}
	for i, v := range got.Data {
		if v != want.Data[i] {
			t.Fatalf("%s: element %d is %v, want %v", name, i, v, want.Data[i])
		}
	}
}

package tune

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"ranklab/harness/spec"
)

const file = `
[model]
hidden_size = 64
intermediate_size = 176
num_hidden_layers = 2
num_attention_heads = 4
vocab_size = 1024
[data]
modules = ["gonum.org/v1/gonum@v0.17.0"]
[train]
steps = 100
total_batch_size = 8
max_length = 64
[method.adamw]
kind = "adamw"
lr = "tuned"
[method.galore]
kind = "galore"
rank = 8
lr = "tuned"
[method.lora]
kind = "lora"
rank = 32
lr = "tuned"
[tune]
grid = [1e-3, 2e-3, 4e-3]
`

func load(t *testing.T, overrides ...string) *spec.Tune {
	t.Helper()
	x, err := spec.LoadFS(fstest.MapFS{"x.toml": {Data: []byte(file)}}, "x.toml", overrides)
	if err != nil {
		t.Fatal(err)
	}
	return x.Tune
}

// A landscape is the loss of a method at an effective rate; NaN: it diverges.
type landscape func(rate float64, seed int) float64

// valley has its lowest point at a rate.
func valley(best float64) landscape {
	return func(rate float64, seed int) float64 {
		return 3 + math.Pow(math.Log(rate/best), 2) + 0.001*float64(seed%2)
	}
}

// cliff is a valley that ends at a rate.
func cliff(best, end float64) landscape {
	return func(rate float64, seed int) float64 {
		if rate > end {
			return math.NaN()
		}
		return valley(best)(rate, seed)
	}
}

// run searches landscapes, and returns the numbers of trials after each round.
func run(t *testing.T, tune *spec.Tune, of map[string]landscape) (*Search, []int) {
	t.Helper()
	s := New(tune)
	var rounds []int
	told := map[string]int{}
	for {
		for _, inst := range s.Instances() {
			id := fmt.Sprintf("%s/%v/%d", inst.Variant, inst.Run.Method.LR, inst.Seed)
			told[id]++
			s.Tell(inst, id, of[inst.Variant](inst.Axes["effective_lr"].(float64), inst.Seed))
		}
		n := s.ranges[0].trials()
		for i, r := range s.ranges {
			if r.trials() != n {
				t.Fatalf("round %d: %s has %d trials, the first method %d", len(rounds), tune.Methods[i].Name, r.trials(), n)
			}
		}
		rounds = append(rounds, n)
		if s.Extend() == "" {
			return s, rounds
		}
		if len(rounds) > 100 {
			t.Fatal("the search does not end")
		}
	}
}

func TestSearch(t *testing.T) {
	inside := map[string]landscape{"adamw": valley(2e-3), "galore": valley(2e-3), "lora": valley(2e-3)}
	with := func(method string, l landscape) map[string]landscape {
		of := map[string]landscape{}
		for name, other := range inside {
			of[name] = other
		}
		of[method] = l
		return of
	}
	for name, c := range map[string]struct {
		of        map[string]landscape
		overrides []string
		rounds    []int
		edge      string             // of galore
		rates     map[string]float64 // effective
	}{
		"all inside":     {inside, nil, []int{3}, spec.NoEdge, map[string]float64{"adamw": 2e-3, "galore": 2e-3, "lora": 2e-3}},
		"one high":       {with("galore", valley(1.6e-2)), nil, []int{3, 4, 5, 6}, spec.NoEdge, map[string]float64{"adamw": 2e-3, "galore": 1.6e-2}},
		"one low":        {with("galore", valley(2.5e-4)), nil, []int{3, 4, 5, 6}, spec.NoEdge, map[string]float64{"galore": 2.5e-4, "lora": 2e-3}},
		"high and low":   {map[string]landscape{"adamw": valley(5e-4), "galore": valley(8e-3), "lora": valley(2e-3)}, nil, []int{3, 4, 5}, spec.NoEdge, map[string]float64{"adamw": 5e-4, "galore": 8e-3, "lora": 2e-3}},
		"no end":         {with("galore", func(rate float64, _ int) float64 { return -rate }), nil, []int{3, 4, 5, 6, 7, 8, 9}, spec.HighEdge, map[string]float64{"galore": 0.256, "adamw": 2e-3}},
		"few trials":     {with("galore", valley(1)), []string{"tune.max_trials=4"}, []int{3, 4}, spec.HighEdge, map[string]float64{"galore": 8e-3}},
		"warn":           {with("galore", valley(1)), []string{`tune.at_edge="warn"`}, []int{3}, spec.HighEdge, map[string]float64{"galore": 4e-3}},
		"beside a cliff": {with("galore", cliff(1, 2e-3)), nil, []int{3}, spec.NoEdge, map[string]float64{"galore": 2e-3}},
		"below a cliff":  {with("galore", cliff(1, 3e-4)), nil, []int{3, 4, 5, 6}, spec.NoEdge, map[string]float64{"galore": 2.5e-4}},
		"equal losses":   {with("galore", func(float64, int) float64 { return 3 }), []string{`tune.at_edge="warn"`}, []int{3}, spec.LowEdge, map[string]float64{"galore": 1e-3}},
		"plain rates":    {inside, []string{"tune.effective=false"}, []int{3, 4, 5}, spec.NoEdge, map[string]float64{"adamw": 2e-3, "galore": 2e-3, "lora": 2e-3}},
		"two seeds":      {with("galore", valley(8e-3)), []string{"tune.seeds=[5, 6]"}, []int{3, 4, 5}, spec.NoEdge, map[string]float64{"galore": 8e-3}},
	} {
		t.Run(name, func(t *testing.T) {
			tune := load(t, c.overrides...)
			s, rounds := run(t, tune, c.of)
			if !slices.Equal(rounds, c.rounds) {
				t.Errorf("trials per round %v, want %v", rounds, c.rounds)
			}
			lock, err := s.Lock()
			if err != nil {
				t.Fatal(err)
			}
			for i, m := range lock.Methods {
				if want, ok := c.rates[m.Name]; ok && m.EffectiveLR != want {
					t.Errorf("%s: rate %v, want %v", m.Name, m.EffectiveLR, want)
				}
				if m.Trials != rounds[len(rounds)-1] || len(m.Rates) != m.Trials || len(m.Runs) != m.Trials*len(tune.Seeds) || !slices.IsSorted(m.Rates) || !slices.Contains(m.Rates, m.LR) {
					t.Errorf("%+v", m)
				}
				if m.Name == "galore" && m.Edge != c.edge {
					t.Errorf("edge %q, want %q", m.Edge, c.edge)
				}
				// Neighbouring rates are spaced as the grid is, for every method.
				for j := 1; j < len(m.Rates); j++ {
					if ratio := m.Rates[j] / m.Rates[j-1]; math.Abs(ratio-2) > 1e-5 {
						t.Errorf("%s: rates %v", m.Name, m.Rates)
					}
				}
				if m.Recipe != tune.Methods[i].Recipe {
					t.Errorf("%s: recipe %q", m.Name, m.Recipe)
				}
			}
			// The same results give the same bytes.
			again, _ := run(t, load(t, c.overrides...), c.of)
			second, err := again.Lock()
			if err != nil || !reflect.DeepEqual(lock, second) {
				t.Errorf("%+v, then %+v (%v)", lock, second, err)
			}
			chosen := 0
			for _, trial := range s.Trials() {
				if trial.Chosen {
					chosen++
				}
			}
			if chosen != len(lock.Methods) {
				t.Errorf("%d trials are chosen", chosen)
			}
		})
	}
}

// What has no result is an error, not a lock.
func TestNoLock(t *testing.T) {
	never := func(float64, int) float64 { return math.NaN() }
	of := map[string]landscape{"adamw": valley(2e-3), "galore": never, "lora": valley(2e-3)}
	s, rounds := run(t, load(t), of)
	if _, err := s.Lock(); err == nil || !strings.Contains(err.Error(), "every trial of galore diverged, down to lr = 6.25e-05") || rounds[len(rounds)-1] != 9 {
		t.Errorf("%v after %v", err, rounds)
	}
	of["galore"] = valley(1)
	s, rounds = run(t, load(t, `tune.at_edge="fail"`), of)
	if _, err := s.Lock(); err == nil || !strings.Contains(err.Error(), "the best rate of galore, lr = 0.016, is at the high edge") || len(rounds) != 1 {
		t.Errorf("%v after %v", err, rounds)
	}
}

// One diverged seed spoils a trial: its mean would leave the worst case out.
func TestOneSeedDiverges(t *testing.T) {
	of := map[string]landscape{"adamw": valley(2e-3), "lora": valley(2e-3), "galore": func(rate float64, seed int) float64 {
		if rate == 2e-3 && seed == 6 {
			return math.Inf(1)
		}
		return valley(2e-3)(rate, seed)
	}}
	s, _ := run(t, load(t, "tune.seeds=[5, 6]", `tune.at_edge="warn"`), of)
	lock, err := s.Lock()
	if m, _ := lock.Method("galore"); err != nil || m.EffectiveLR == 2e-3 || m.Trials != 3 {
		t.Errorf("%+v, %v", m, err)
	}
}

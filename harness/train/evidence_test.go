package train

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/view"
	"ranklab/models"
)

// begun trains one update of a run and returns it as a row of an experiment.
func begun(t *testing.T, o Options, name string) view.Row {
	t.Helper()
	o.Until, o.Spec.Method.Name = 1, name
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrUntil) {
		t.Fatal(err)
	}
	digests, err := Identify(o.Spec, o.Data)
	if err != nil {
		t.Fatal(err)
	}
	run, err := record.Read(record.Dir(o.Results, o.Spec.RunID(digests)))
	if err != nil || run.Evidence == nil {
		t.Fatal(err, run.Evidence)
	}
	return view.Row{ID: run.ID, Method: name, Seed: o.Spec.Seed.Init, Settings: map[string]any{}, Evidence: run.Evidence}
}

// TestEvidence begins a run of every method: for one seed all of them start from
// the same weights, as far as they have them, and read the same text in the same
// order.
func TestEvidence(t *testing.T) {
	set, base := tiny(t)
	shared := view.Contract{Same: []string{"init", "data_order", "eval_set"}}
	var rows []view.Row
	start := func(name string, change func(*spec.Run)) view.Row {
		s := base
		change(&s)
		return begun(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}, name)
	}
	dense := len(models.New(base.Model.Config).Params())
	for name, change := range variants() {
		probe := base
		change(&probe)
		if probe.Train.Dtype != base.Train.Dtype || probe.Init.From != "" || probe.Data.Packing != base.Data.Packing {
			continue // other numbers from the start
		}
		row := start(name, change)
		rows = append(rows, row)
		if kind := probe.Method.Kind; (len(row.Evidence.Init) < dense) != (kind == "lowrank") || (len(row.Evidence.Own) > 0) != (kind == "lora" || kind == "relora" || kind == "lowrank") {
			t.Errorf("%s: %d of %d tensors of the model, %d of its own", name, len(row.Evidence.Init), dense, len(row.Evidence.Own))
		}
	}
	if len(rows) < 5 {
		t.Fatalf("%d methods", len(rows))
	}
	if b := view.CheckContract(shared, rows); len(b) != 0 {
		t.Errorf("breaches %+v", b)
	}
	for name, c := range map[string]struct {
		change func(*spec.Run)
		breach []string
	}{
		"other weights":         {func(s *spec.Run) { s.Seed.Init += 5 }, []string{"init"}},
		"another order":         {func(s *spec.Run) { s.Seed.Data += 5 }, []string{"data_order"}},
		"another evaluation":    {func(s *spec.Run) { s.Eval.Tokens /= 2 }, []string{"eval_set"}},
		"other sequences":       {func(s *spec.Run) { s.Train.MaxLength /= 2 }, []string{"data_order", "eval_set"}},
		"weights in bfloat16":   {func(s *spec.Run) { s.Train.Dtype = "bfloat16" }, []string{"init"}},
		"more updates":          {func(s *spec.Run) { s.Train.Steps *= 3 }, nil},
		"another learning rate": {func(s *spec.Run) { s.Method.LR *= 3 }, nil},
		"other threads of code": {func(s *spec.Run) { s.Train.Layerwise = true }, nil},
	} {
		row := start("odd", func(s *spec.Run) { variants()["adamw"](s); c.change(s) })
		row.Seed = base.Seed.Init
		var got []string
		for _, b := range view.CheckContract(shared, append([]view.Row{row}, rows...)) {
			got = append(got, b.Quantity)
		}
		if d := cmp.Diff(c.breach, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestEvidenceIsOfTheStart carries a run on: what it wrote before its first
// update stays. A run that is under way without it can only tell of its data.
func TestEvidenceIsOfTheStart(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	s.Train.CheckpointEvery = 1
	o := Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1}
	first := begun(t, o, "adamw").Evidence
	o.Spec.Method.Name = "adamw"
	o.Until = 2
	if _, err := Run(t.Context(), o); !errors.Is(err, ErrUntil) {
		t.Fatal(err)
	}
	path, err := filepath.Glob(filepath.Join(o.Results, "runs", "*", "evidence.json"))
	if err != nil || len(path) != 1 {
		t.Fatal(path, err)
	}
	read := func() *record.Evidence {
		t.Helper()
		run, err := record.Read(filepath.Dir(path[0]))
		if err != nil || run.Evidence == nil {
			t.Fatal(err)
		}
		return run.Evidence
	}
	if d := cmp.Diff(first, read()); d != "" {
		t.Errorf("carried on (-first +now):\n%s", d)
	}
	for _, damage := range []func() error{
		func() error { return os.Remove(path[0]) },
		func() error { return os.WriteFile(path[0], []byte(`{"init":`), 0o666) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		o.Until++
		if _, err := Run(t.Context(), o); !errors.Is(err, ErrUntil) {
			t.Fatal(err)
		}
		now := read()
		if now.Init != nil || now.Eval != first.Eval || cmp.Diff(now.Order, first.Order) != "" {
			t.Errorf("under way: %+v", now)
		}
	}
	if text, err := os.ReadFile(path[0] + ".damaged"); err != nil || !strings.HasPrefix(string(text), `{"init":`) {
		t.Errorf("the damaged file is not kept: %q, %v", text, err)
	}
	fresh := o
	fresh.Results, fresh.Threads = t.TempDir(), 3
	if again := begun(t, fresh, "adamw").Evidence; !maps.Equal(again.Init, first.Init) {
		t.Error("with other threads the initial weights have other digests")
	}
}

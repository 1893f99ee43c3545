package view_test

import (
	"reflect"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/view"
)

// TestSettingsBesideTheIdentityAreNoDimension averages a run of an old record,
// which holds settings that enter no id, with one of a new record.
func TestSettingsBesideTheIdentityAreNoDimension(t *testing.T) {
	run := func(id string, seed int, ppl record.Float, settings map[string]any) (record.SweepRun, record.Run) {
		settings["rank"] = 32
		eval := record.EvalRow{PPL: ppl, Targets: 1}
		return record.SweepRun{ID: id, Variant: "galore", Seed: seed}, record.Run{
			ID: id, Summary: &record.Summary{ID: id, State: record.Done, Final: eval},
			Origins: []record.Origin{{Experiment: "other", Variant: "galore", Kind: "galore", Settings: settings}},
		}
	}
	check := func(name string, old, new map[string]any) {
		t.Helper()
		a, reference := run("aaaaaaaaaaaa", 0, 20, old)
		b, own := run("bbbbbbbbbbbb", 1, 24, new)
		rows, _ := view.Rows(record.Sweep{Runs: []record.SweepRun{a, b}}, []record.Run{reference, own})
		g, err := view.Tabulate(view.Table{ID: "t", Rows: []string{"method", "rank"}, Columns: []string{"ppl"}}, rows, 0, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if len(g.Rows) != 1 || g.Rows[0].Cells[2].Mean.Value != 22 {
			t.Errorf("%s: rows %+v, want one with the mean 22", name, g.Rows)
		}
	}
	check("log_every", map[string]any{"log_every": 10}, map[string]any{"log_every": 2})

	// The same for every key that spec keeps out of the ids.
	sections := reflect.TypeFor[spec.Run]()
	n := 0
	for i := range sections.NumField() {
		section := sections.Field(i)
		for _, f := range reflect.VisibleFields(section.Type) {
			name := f.Tag.Get("toml")
			if f.Tag.Get("identity") != "-" || section.Name == "Method" && name == "name" {
				continue // a method's name has a column of its own
			}
			n++
			for _, key := range []string{name, section.Tag.Get("toml") + "." + name} {
				check(key, map[string]any{key: "a"}, map[string]any{key: "b"})
				check(key+" of one", map[string]any{key: "a"}, map[string]any{})
			}
		}
	}
	if n < 3 {
		t.Errorf("only %d keys without identity: the tags have moved", n)
	}

	// An experiment may sweep one all the same.
	a, _ := run("aaaaaaaaaaaa", 0, 20, map[string]any{})
	a.Axes = map[string]any{"preset": "9m"}
	_, r := run("aaaaaaaaaaaa", 0, 20, map[string]any{"preset": "old"})
	if rows, _ := view.Rows(record.Sweep{Runs: []record.SweepRun{a}}, []record.Run{r}); rows[0].Value("preset") != "9m" {
		t.Errorf("a swept preset is %v", rows[0].Value("preset"))
	}
}

package spec

import (
	"slices"
	"strings"
	"testing"
)

// TestChangesAreWhatIdsAreMadeOf: of any two runs of the shipped experiments, the
// ids are equal exactly when no change says otherwise.
func TestChangesAreWhatIdsAreMadeOf(t *testing.T) {
	var runs []Run
	for _, options := range [][]string{nil, {"train.layerwise=true"}, {"train.log_every=7"}, {"train.dtype=bfloat16"}, {"method.galore.lr_groups.attn=0.5"}, {"method.adamw.kind=sgd", "train.state_dtype=bfloat16", "method.adamw.momentum=0"}} {
		e, err := Load("../../experiments/quick.toml", options)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range e.Runs {
			runs = append(runs, i.Run)
		}
	}
	d := Digests{Data: "text"}
	pairs := map[string]int{}
	type ids struct{ numbers, run string }
	known := make([]ids, len(runs))
	for i, r := range runs {
		known[i] = ids{r.NumbersID(d), r.RunID(d)}
	}
	for i, a := range runs {
		for j, b := range runs {
			changes := Changes(a, b)
			numbers := slices.ContainsFunc(changes, func(c Change) bool { return c.Of == OfNumbers })
			execution := slices.ContainsFunc(changes, func(c Change) bool { return c.Of == OfExecution })
			if same := known[i].numbers == known[j].numbers; same == numbers {
				t.Fatalf("numbers ids are the same: %v, and the changes %+v", same, changes)
			}
			if same := known[i].run == known[j].run; same == (numbers || execution) {
				t.Fatalf("run ids are the same: %v, and the changes %+v", same, changes)
			}
			back := Changes(b, a)
			for i := range back {
				if c := changes[i]; c.Key != back[i].Key || c.A != back[i].B || c.B != back[i].A || c.Of != back[i].Of {
					t.Fatalf("%+v one way, %+v the other", c, back[i])
				}
			}
			if len(changes) != len(back) {
				t.Fatalf("%d changes one way, %d the other", len(changes), len(back))
			}
			if len(changes) > 0 && !numbers && !execution {
				pairs["nothing"]++
			}
			if execution && !numbers {
				pairs["execution"]++
			}
		}
	}
	if pairs["nothing"] == 0 || pairs["execution"] == 0 {
		t.Errorf("cases that did not occur: %v", pairs)
	}
}

func TestFindKey(t *testing.T) {
	for name, want := range map[string]string{
		"train.steps": "train.steps", "steps": "train.steps", "lr": "method.lr", "method.lr": "method.lr", "method.galore.lr": "method.lr of galore", "method.galore.train.steps": "train.steps of galore",
		"lr_groups.attn": "method.lr_groups.attn", "method.lr_groups.attn": "method.lr_groups.attn", "hidden_size": "model.hidden_size",
	} {
		key, method, err := FindKey(name)
		if method != "" {
			key += " of " + method
		}
		if err != nil || key != want {
			t.Errorf("%s: %q, %v; want %q", name, key, err, want)
		}
	}
	for name, want := range map[string]string{"batch_size": "one of several: train.batch_size or eval.batch_size", "learning_rate": `"lr"`, "train.stepps": `"steps"`, "": "keys look like", "method.a.b": "keys look like"} {
		if _, _, err := FindKey(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", name, err, want)
		}
	}
}

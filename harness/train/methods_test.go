package train

import (
	"testing"

	"ranklab/harness/spec"
	"ranklab/optim"
)

// TestDefaults: what an experiment gets that names no optimizer setting is what
// package optim documents as its default, for every method.
func TestDefaults(t *testing.T) {
	e, err := spec.Load("../../experiments/quick.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, inst := range e.Runs {
		rule, err := newRule(inst.Run.Method)
		if err != nil {
			t.Fatal(err)
		}
		if rule != optim.DefaultAdamW() {
			t.Errorf("%s: %+v", inst.Label, rule)
		}
	}
	e, err = spec.Load("../../experiments/quick.toml", []string{"method.adamw.kind=adafactor"})
	if err != nil {
		t.Fatal(err)
	}
	rule, err := newRule(e.Runs[0].Run.Method)
	if err != nil || rule != optim.DefaultAdafactor() {
		t.Errorf("adafactor: %+v, %v", rule, err)
	}
}

package main

import (
	"testing"
)

// The bundles cover every kind of method on every base optimizer, and each can be
// told from the others by its name.
func TestRunsCoverEverything(t *testing.T) {
	names := map[string]bool{}
	covered := map[string]bool{}
	for _, path := range experiments {
		e, err := load(path, "text")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range e.Runs {
			name := e.NameOf(i)
			if names[name] {
				t.Errorf("two runs are called %s", name)
			}
			names[name] = true
			m := i.Run.Method
			covered[m.Kind+" on "+m.Optimizer] = true
			covered[m.Projector+" "+m.ProjType] = true
			covered["reset "+m.Reset] = true
			covered["moments "+m.Moments] = true
			covered["bases in "+m.ProjectorDtype] = true
		}
	}
	optimizers := []string{"adamw", "sgd", "adafactor", "adamw8bit"}
	for _, o := range optimizers {
		for _, kind := range []string{o, "lowrank", "lora", "relora", "galore"} {
			if !covered[kind+" on "+o] {
				t.Errorf("no bundle of %s on %s", kind, o)
			}
		}
	}
	for _, what := range []string{
		"svd std", "svd reverse_std", "svd full", "range_finder std", "range_finder left", "range_finder right", "range_finder full",
		"stiefel full", "gaussian std", "coordinate std", "moments carry", "moments reset", "moments rotate", "bases in int8", "bases in int4",
		"reset zero", "reset random", "reset magnitude",
	} {
		if !covered[what] {
			t.Errorf("no bundle of %s", what)
		}
	}
}

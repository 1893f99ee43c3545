package optimtest

import (
	"testing"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// Elements returns how many float32 values of each category a method and a
// model of the named preset would hold, by a predicting ledger.
func Elements(t *testing.T, method optim.Method, preset string) map[memory.Category]int64 {
	t.Helper()
	elements := Bytes(t, method, preset, tensor.Precision{})
	for c := range elements {
		elements[c] /= 4
	}
	return elements
}

// Bytes returns the bytes of each category with state in the given precision.
func Bytes(t *testing.T, method optim.Method, preset string, state tensor.Precision) map[memory.Category]int64 {
	t.Helper()
	config, ok := models.Preset(preset)
	if !ok {
		t.Fatalf("no preset %q", preset)
	}
	d := tensor.NewDevice(tensor.Options{Threads: 1})
	defer d.Close()
	l, model, key := memory.Predict(), models.New(config), random.New(1)
	if err := method.Attach(model, optim.Env{Device: d, Ledger: l, Key: key, Steps: 100, State: state}); err != nil {
		t.Fatal(err)
	}
	model.Allocate(models.Runtime{Device: d, Ledger: l, Key: key}, 1, 16, true)
	return l.ByCategory()
}

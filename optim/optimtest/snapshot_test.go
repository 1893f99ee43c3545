package optimtest

import (
	"math"
	"testing"

	"ranklab/optim"
	"ranklab/tensor"
)

func TestSnapshots(t *testing.T) {
	nan := float32(math.NaN())
	a := Snapshot{"weights w": {1, nan}, "state w": {3}}
	if diff := Diff(a, Snapshot{"weights w": {1, nan}, "state w": {3}}); diff != "" {
		t.Errorf("equal snapshots: %s", diff)
	}
	for _, b := range []Snapshot{
		{"weights w": {1, nan}, "state w": {4}}, {"weights w": {1, nan}}, {"weights w": {1, 0}, "state w": {3}},
		{"weights w": {1, nan}, "state w": {3}, "state v": {}},
	} {
		if Diff(a, b) == "" {
			t.Errorf("no difference between %v and %v", a, b)
		}
	}
	worst, n := Distance(Snapshot{"weights w": {1, 2}, "state w": {3}, "weights v": {0}}, Snapshot{"weights w": {1, 5}, "state w": {9}})
	if worst != 3 || n != 1 {
		t.Errorf("distance %v over %d", worst, n)
	}
}

// A snapshot is restored only where all buffers match.
func TestRestore(t *testing.T) {
	m, err := optim.NewFullRank(optim.Base{Rule: optim.SGD{Momentum: 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProblem(m, 1, 0, 10, tensor.Precision{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	before := p.Save()
	if err := p.Train(0, 3, 0.1); err != nil {
		t.Fatal(err)
	}
	if Diff(before, p.Save()) == "" {
		t.Fatal("training changed nothing")
	}
	if !p.Restore(before) || Diff(before, p.Save()) != "" {
		t.Error("the snapshot is not restored")
	}
	before["state more"] = nil
	if p.Restore(before) {
		t.Error("a buffer too many is accepted")
	}
	delete(before, "state more")
	delete(before, "weights lm_head.weight")
	if p.Restore(before) {
		t.Error("a missing buffer is accepted")
	}
}

package plan

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// committedRoot is a results folder with nothing but the committed results.
func committedRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	reference, err := filepath.Abs("../../results/reference")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(reference, filepath.Join(root, "reference")); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestExplainStored: committed runs keep their ids, unless the arithmetic has
// changed since, and the shipped experiments still ask for them.
func TestExplainStored(t *testing.T) {
	runs, err := record.List(committedRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	actions, asked := map[string]int{}, map[string]int{}
	for _, r := range runs {
		x, err := ExplainStored(r)
		if err != nil {
			t.Fatal(err)
		}
		actions[x.Action]++
		current := r.Provenance.NumericsVersion == spec.NumericsVersion
		if current != (x.Action == Reuse) || current != (x.ID == r.ID) {
			t.Errorf("run %s, numerics_version %d: %s (%s), id %s", r.ID, r.Provenance.NumericsVersion, x.Action, x.Reason, x.ID)
		}
		if !current && !strings.Contains(x.Reason, fmt.Sprintf("numerics_version %d", r.Provenance.NumericsVersion)) {
			t.Errorf("run %s: %s", r.ID, x.Reason)
		}
		for _, a := range x.Asked {
			if a.Problem != "" {
				asked[a.Problem]++
				continue
			}
			same := a.Now.Run.RunID(x.Digests) == x.ID
			asked[fmt.Sprint("the same: ", same)]++
			if same != (len(a.Changes) == 0) {
				t.Errorf("run %s, and what %s asks for now: the same id: %v, changes %v", r.ID, a.Origin.Experiment, same, a.Changes)
			}
		}
	}
	if actions[Reuse] == 0 || actions[New] == 0 || asked["the same: true"] < 50 || asked["the same: false"] == 0 {
		t.Errorf("cases that did not occur: %v, %v", actions, asked)
	}
}

// TestExplainFindsTheNearest: without the corpus, runs are compared by their
// settings, and each change has its place.
func TestExplainFindsTheNearest(t *testing.T) {
	e, err := spec.Load("quick", []string{"train.steps=960"})
	if err != nil {
		t.Fatal(err)
	}
	list, notes, err := Explain(context.Background(), e, Options{Results: committedRoot(t)})
	if err != nil || len(notes) == 0 {
		t.Fatalf("notes %v, %v", notes, err)
	}
	for i, id := range []string{"cd6ca6c171f8", "354ee8f18540", "03f5b0638817", "9cd07a917244", "058252523655", "c4a6b6af2524"} {
		x := list[i]
		if x.Action != Unknown || x.Nearest == nil {
			t.Fatalf("%s: %+v", x.Instance.Label, x)
		}
		keys := []string{}
		for _, c := range x.Nearest.Changes {
			keys = append(keys, c.Key+" "+x.Instance.Origin[c.Key])
		}
		want := []string{"train.steps (-S):1", "train.warmup_steps default"}
		if got := record.ShortID(x.Nearest.Run.ID); got != id || !slices.Equal(keys, want) && x.Instance.Variant != "relora" {
			t.Errorf("%s: nearest %s by %v, want %s by %v", x.Instance.Label, got, keys, id, want)
		}
	}
}

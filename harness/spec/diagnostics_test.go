package spec

import (
	"slices"
	"strings"
	"testing"
)

// A protocol may ask all its methods to be looked at, or a method may ask alone;
// what is not used is no part of a run and of no id.
func TestDiagnostics(t *testing.T) {
	galore := "[method.a]\nkind=\"galore\"\nlr=1\nrank=4\n"
	plain := mustLoad(t, galore, nil).Runs[0].Run
	own := mustLoad(t, galore+"diagnostics.subspace=true\ndiagnostics.after=[5, 2]\n[method.b]\nkind=\"adamw\"\nlr=1\n", nil)
	looked := own.Runs[0].Run
	if d := looked.Diagnostics; !d.Subspace || !slices.Equal(d.After, []int{5, 2}) || d.NthRefresh != 1 {
		t.Errorf("%+v", d)
	}
	if own.Runs[1].Run.Diagnostics.Subspace {
		t.Error("a method's patch reaches another one")
	}
	shared := mustLoad(t, "[diagnostics]\nsubspace=true\n"+galore, nil).Runs[0].Run
	if d := shared.Diagnostics; !slices.Equal(d.After, []int{1, 10, 50}) {
		t.Errorf("%+v", d)
	}
	off := mustLoad(t, "[diagnostics]\nsubspace=false\n"+galore, nil).Runs[0].Run
	if off.RunID(Digests{}) != plain.RunID(Digests{}) {
		t.Error("diagnostics that are off change the id")
	}
	seen := map[string]bool{plain.RunID(Digests{}): true}
	for _, r := range []Run{looked, shared} {
		if r.NumbersID(Digests{}) != plain.NumbersID(Digests{}) {
			t.Error("looking changes the numbers")
		}
		if id := r.RunID(Digests{}); seen[id] {
			t.Error("looking is no other run")
		} else {
			seen[id] = true
		}
		text, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := reread(t, text); got.RunID(Digests{}) != r.RunID(Digests{}) {
			t.Errorf("another run when read again:\n%s", text)
		}
		for name := range r.Settings() {
			if strings.Contains(name, "after") || strings.Contains(name, "subspace") {
				t.Errorf("%s is a setting", name)
			}
		}
	}
	// When to look may be said for all, and whether by each.
	mixed := mustLoad(t, "[diagnostics]\nafter=[5]\n"+galore+"diagnostics.subspace=true\n[method.b]\nkind=\"adamw\"\nlr=1\n", nil).Runs
	if d := mixed[0].Run.Diagnostics; !d.Subspace || !slices.Equal(d.After, []int{5}) {
		t.Errorf("%+v", d)
	}
	if b := mustLoad(t, "[method.b]\nkind=\"adamw\"\nlr=1\n", nil).Runs[0].Run; b.RunID(Digests{}) != mixed[1].Run.RunID(Digests{}) {
		t.Error("when to look changes the id of a run that nobody looks at")
	}
}

// Figures over subspaces.
func TestSubspaceFigures(t *testing.T) {
	x := mustLoad(t, `
[method.a]
kind = "galore"
lr = 1
rank = 4
diagnostics.subspace = true
[[figure]]
id = "drift"
kind = "line"
source = "subspace"
x = "step"
y = "overlap"
also = "split_overlap"
group = "module"
mean_over = "layer"
where = { side = "right", rank = 4 }
`, nil)
	f := x.Figures[0]
	if f.Source != "subspace" || !slices.Equal(f.MeanOver, []string{"layer"}) || !slices.Equal(f.Also, []string{"split_overlap"}) {
		t.Errorf("%+v", f)
	}
}

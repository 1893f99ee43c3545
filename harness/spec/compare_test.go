package spec

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compare_to is a selection; a string names a method.
func TestCompareTo(t *testing.T) {
	x := mustLoad(t, twoMethods+`
[[table]]
id = "a"
rows = ["method", "rank"]
compare_to = "adamw"
[[table]]
id = "b"
rows = ["method", "rank"]
columns = ["ppl", "tokens_per_second"]
compare_to = { method = ["galore"], rank = 16, train.steps = 100 }
compare = ["tokens_per_second", "ppl"]
`, nil)
	want := []map[string]any{{"method": "adamw"}, {"method": []any{"galore"}, "rank": 16, "train.steps": 100}}
	for i, table := range x.Tables {
		if diff := cmp.Diff(want[i], table.CompareTo); diff != "" {
			t.Errorf("table %s (-want +got):\n%s", table.ID, diff)
		}
	}
	if c := x.Tables[1].Compare; !slices.Equal(c, []string{"tokens_per_second", "ppl"}) {
		t.Errorf("compare %q", c)
	}
}

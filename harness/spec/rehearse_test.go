package spec

import (
	"strings"
	"testing"
)

// What would come to nothing after training is said before, at its place; what -S
// makes so is only noted.
func TestDeclarationsAreRehearsed(t *testing.T) {
	const good = twoMethods + `
[method.galore.sweep]
rank = [8, 16]
[[figure]]
id = "f"
kind = "line"
x = "tokens_seen"
y = "loss"
group = ["method", "rank"]
[[figure]]
id = "m"
kind = "stacked_bar"
x = "label"
y = "bytes"
stack = "category"
where = { category = ["weights", "projectors"], kind = "galore" }
[[table]]
id = "t"
rows = ["method", "rank"]
compare_to = "adamw"
[[claim]]
id = "c"
expr = "ppl[galore, rank=8] < ppl[adamw]"
[contract]
same = ["init"]
where = { method = "galore" }
`
	mustLoad(t, good, nil)
	for want, change := range map[string][2]string{
		`dir/x.toml:14:6: figure "f": `:                                       {`group = ["method", "rank"]`, `group = "method"`},
		`figure "m": where: no run has kind = lora (there are adamw, galore)`: {`kind = "galore" }`, `kind = "lora" }`},
		`table "t": `: {`rows = ["method", "rank"]`, `rows = "method"`},
		`table "t": compare_to: no row of the table has method = adamw`:        {`compare_to = "adamw"`, "compare_to = \"adamw\"\nwhere = { method = \"galore\" }"},
		`claim "c": ppl[galore, rank=9]: where: no run has rank = 9`:           {"rank=8", "rank=9"},
		`claim "c": ppl[galore]: rank varies within ppl[galore] (8, 16)`:       {"galore, rank=8", "galore"},
		`contract: where: no run has method = galor (there are adamw, galore)`: {`where = { method = "galore" }`, `where = { method = "galor" }`},
	} {
		_, err := loadText(t, strings.Replace(good, change[0], change[1], 1), nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "1 problem;") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	x := mustLoad(t, good, []string{"method.galore.sweep.rank=[4,16]"})
	if notes := strings.Join(x.Notes, "\n"); !strings.Contains(notes, `claim "c" (dir/x.toml:31) comes to nothing here: ppl[galore, rank=8]: where: no run has rank = 8`) {
		t.Errorf("notes %q", notes)
	}
}

package view

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ranklab/harness/expr"
	"ranklab/harness/record"
)

// judge1 judges one expression, which has to mean something.
func judge1(t *testing.T, text string, rows []Row) Verdict {
	t.Helper()
	v, err := Judge([]Claim{{ID: "c", Expr: text}}, rows)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v[0]
}

// of makes runs of a method, one per seed from first on, with their perplexities.
func of(method string, first int, ppl ...float64) []Row {
	var rows []Row
	for i, p := range ppl {
		r := run(method, first+i, p, nil)
		if math.IsInf(p, 1) {
			r.Diverged, r.Results["ppl"], r.Results["loss"], r.Results["tokens_per_second"] = true, missing, missing, 500
		}
		r.Results["paper_bytes"] = map[string]float64{"galore": 500, "adamw": 800}[method]
		rows = append(rows, r)
	}
	return rows
}

func join(lists ...[]Row) (rows []Row) {
	for _, l := range lists {
		rows = append(rows, l...)
	}
	return rows
}

var inf = math.Inf(1)

// Kleene's tables.
func TestThreeValues(t *testing.T) {
	values := []string{Pass, Inconclusive, Fail}
	wantAnd := [][]string{{Pass, Inconclusive, Fail}, {Inconclusive, Inconclusive, Fail}, {Fail, Fail, Fail}}
	wantOr := [][]string{{Pass, Pass, Pass}, {Pass, Inconclusive, Inconclusive}, {Pass, Inconclusive, Fail}}
	// Comparisons whose results are known.
	text := map[string]string{Pass: "1 < 2", Fail: "2 < 1", Inconclusive: "ppl[galore] < 24"}
	rows := of("galore", 0, 23, 25)
	for i, a := range values {
		if got, want := judge1(t, "not "+text[a], rows).Result, values[2-i]; got != want {
			t.Errorf("not %s is %s, want %s", a, got, want)
		}
		for k, b := range values {
			if got := judge1(t, text[a]+" and "+text[b], rows).Result; got != wantAnd[i][k] {
				t.Errorf("%s and %s is %s, want %s", a, b, got, wantAnd[i][k])
			}
			if got := judge1(t, text[a]+" or "+text[b], rows).Result; got != wantOr[i][k] {
				t.Errorf("%s or %s is %s, want %s", a, b, got, wantOr[i][k])
			}
		}
	}
}

// The border of an interval: a strict comparison needs all of it beyond zero.
func TestIntervalOnTheBorder(t *testing.T) {
	for _, c := range []struct {
		lo, hi                       float64
		less, lessEqual, more, moreE string
	}{
		{-2, -1, Pass, Pass, Fail, Fail},
		{-2, 0, Inconclusive, Pass, Fail, Inconclusive},
		{-2, 1, Inconclusive, Inconclusive, Inconclusive, Inconclusive},
		{0, 0, Fail, Pass, Fail, Pass},
		{0, 2, Fail, Inconclusive, Inconclusive, Pass},
		{1, 2, Fail, Fail, Pass, Pass},
	} {
		for op, want := range map[string]string{"<": c.less, "<=": c.lessEqual, ">": c.more, ">=": c.moreE} {
			if got := judgeInterval(expr.Op(op), c.lo, c.hi); got != want {
				t.Errorf("left − right in [%v, %v], %s: %s, want %s", c.lo, c.hi, op, got, want)
			}
		}
	}
	// The same through a claim: without noise in the difference the interval is a point.
	rows := join(of("galore", 0, 20, 30, 40), of("adamw", 0, 21, 31, 41))
	for text, want := range map[string]string{
		"ppl[galore] + 1 < ppl[adamw]": Fail, "ppl[galore] + 1 <= ppl[adamw]": Pass, "ppl[galore] + 1 >= ppl[adamw]": Pass, "ppl[galore] < ppl[adamw]": Pass, "not ppl[galore] < ppl[adamw]": Fail,
	} {
		if got := judge1(t, text, rows); got.Result != want {
			t.Errorf("%s: %+v, want %s", text, got, want)
		}
	}
}

// Seeds that move both methods together take the noise out of the difference;
// the same values without a common seed do not.
func TestPairedAndUnpaired(t *testing.T) {
	galore, adamw := of("galore", 0, 20, 30.1, 40), of("adamw", 0, 21, 31, 41.1)
	paired := judge1(t, "ppl[galore] < ppl[adamw]", join(galore, adamw))
	c := paired.Comparisons[0]
	if paired.Result != Pass || !c.Paired || c.Seeds != 3 || len(paired.Notes) != 0 {
		t.Errorf("paired: %+v", paired)
	}
	// d = -1, -0.9, -1.1: mean -1, SD 0.1, half width 4.302653 · 0.1/√3.
	if half := 4.302653 * 0.1 / math.Sqrt(3); math.Abs(c.Estimate+1) > 1e-9 || math.Abs(c.Lo+1+half) > 1e-6 || math.Abs(c.Hi+1-half) > 1e-6 {
		t.Errorf("paired: %v [%v, %v]", c.Estimate, c.Lo, c.Hi)
	}
	unpaired := judge1(t, "ppl[galore] < ppl[adamw]", join(galore, of("adamw", 7, 21, 31, 41.1)))
	c = unpaired.Comparisons[0]
	if unpaired.Result != Inconclusive || c.Paired || c.Seeds != 0 || math.Abs(c.Estimate+1) > 1e-9 || !(c.Lo < -20 && c.Hi > 20) || !strings.Contains(strings.Join(unpaired.Notes, "\n"), "Welch") {
		t.Errorf("unpaired: %+v", unpaired)
	}
	far := judge1(t, "ppl[galore] < ppl[adamw]", join(of("galore", 0, 20, 21, 22), of("adamw", 5, 120, 121, 122)))
	if far.Result != Pass {
		t.Errorf("unpaired and far apart: %+v", far)
	}
	// A seed that only one side has is left out, and said to be.
	part := judge1(t, "ppl[galore] < ppl[adamw]", join(galore, adamw[1:]))
	if c := part.Comparisons[0]; c.Seeds != 2 || !strings.Contains(part.Notes[0], "1 seed without a partner") {
		t.Errorf("part: %+v", part)
	}
	if part.Result != Inconclusive || !strings.Contains(strings.Join(part.Notes, "\n"), "2 seeds: no comparison with fewer than 3") {
		t.Errorf("two pairs: %+v", part)
	}
	// One seed in common, three on each side.
	if one := judge1(t, "ppl[galore] < ppl[adamw]", join(galore, of("adamw", 2, 41, 51, 61))); one.Comparisons[0].Paired {
		t.Errorf("one common seed: %+v", one)
	}
	if none := judge1(t, "ppl[galore] < ppl[adamw]", join(of("galore", 0, 20), of("adamw", 1, 30))); none.Result != Inconclusive || !strings.Contains(none.Notes[0], "no seed in common") {
		t.Errorf("no common seed: %+v", none)
	}
}

// Sums and ratios are taken seed by seed.
func TestArithmeticSeedBySeed(t *testing.T) {
	rows := join(of("galore", 0, 10, 20, 40), of("adamw", 0, 20, 40, 80), of("lora", 0, 11, 19, 41))
	for text, want := range map[string]float64{
		"ppl[galore] / ppl[adamw] < 0.6":                      -0.1,
		"2 * ppl[galore] - ppl[adamw] + 3 > 0":                3,
		"-ppl[galore] + ppl[galore] < 1":                      -1,
		"min(ppl[galore], ppl[lora], 100) < 0":                (10.0 + 19 + 40) / 3,
		"max(ppl[galore], ppl[lora]) - min(ppl[lora], 1) < 0": (11.0+20+41)/3 - 1,
		"seconds[galore] < 0":                                 math.NaN(),
	} {
		c := judge1(t, text, rows).Comparisons[0]
		if none := math.IsNaN(want); none != math.IsNaN(c.Estimate) || !none && !(math.Abs(c.Estimate-want) <= 1e-12) {
			t.Errorf("%s: %v, want %v", text, c.Estimate, want)
		}
	}
	if v := judge1(t, "ppl[galore] / ppl[adamw] < 0.6", rows); v.Result != Pass {
		t.Errorf("a ratio without noise: %+v", v)
	}
}

// Bytes and settings have no noise: one seed decides.
func TestExactColumns(t *testing.T) {
	rows := join(of("galore", 0, 24, 25), of("adamw", 0, 22, 23, 22.5))
	for text, want := range map[string]string{
		"paper_bytes[galore] < paper_bytes[adamw]":           Pass,
		"paper_bytes[galore] <= 0.625 * paper_bytes[adamw]":  Pass,
		"paper_bytes[galore] < 0.625 * paper_bytes[adamw]":   Fail,
		"paper_bytes[galore] / paper_bytes[adamw] > 0.7":     Fail,
		"steps[galore] >= 400 and steps[adamw] <= 400":       Pass,
		"paper_bytes[galore] / 0 < 1":                        Inconclusive,
		"optimizer_state_bytes[galore] < 2 * 1024 * 1024 ":   Pass,
		"ppl[galore] < 30":                                   Inconclusive, // two seeds
		"ppl[adamw] < 30":                                    Pass,
		"ppl[adamw] < paper_bytes[adamw]":                    Pass,
		"exact_bf16_bytes[adamw] < 3":                        Inconclusive, // of no run
		"ppl[galore] < 30 or paper_bytes[galore] == 0 + 500": "",
	} {
		v, err := Judge([]Claim{{ID: "c", Expr: text}}, rows)
		if want == "" {
			if err == nil || v[0].Result != Inconclusive || !strings.Contains(v[0].Notes[0], "==") {
				t.Errorf("%s: %+v, %v", text, v, err)
			}
			continue
		}
		if err != nil || v[0].Result != want {
			t.Errorf("%s: %+v, %v, want %s", text, v, err, want)
		}
	}
	c := judge1(t, "paper_bytes[galore] <= 0.5 * paper_bytes[adamw]", rows).Comparisons[0]
	if !c.Exact || c.Unit != Bytes || c.Estimate != 100 || c.Lo != 100 {
		t.Errorf("exact: %+v", c)
	}
	one := judge1(t, "ppl[galore] < 30", rows[:1])
	if c := one.Comparisons[0]; c.Estimate != -6 || !math.IsNaN(c.Lo) || c.Seeds != 1 || !strings.Contains(one.Notes[0], "1 seed: no comparison with fewer than 3") {
		t.Errorf("one seed: %+v", one)
	}
	odd := of("adamw", 0, 22, 23)
	odd[1].Results["paper_bytes"] = 801
	if v, err := Judge([]Claim{{ID: "c", Expr: "paper_bytes[adamw] < 900"}}, odd); err == nil || v[0].Result != Inconclusive {
		t.Errorf("bytes that differ between seeds: %+v, %v", v, err)
	}
}

// A diverged run has no perplexity: it never helps, and a method that always
// diverges fails where it is claimed to be better.
func TestDiverged(t *testing.T) {
	adamw := of("adamw", 0, 22, 23, 24)
	for name, c := range map[string]struct {
		rows       []Row
		text, want string
		note       string
	}{
		"one of three, better else":   {join(of("galore", 0, 10, 11, inf), adamw), "ppl[galore] < ppl[adamw]", Inconclusive, "1 of 3 seeds diverged and has no ppl"},
		"one of three, worse else":    {join(of("galore", 0, 50, 51, inf), adamw), "ppl[galore] < ppl[adamw]", Inconclusive, "in 1 of 3 seeds"},
		"all":                         {join(of("galore", 0, inf, inf, inf), adamw), "ppl[galore] < ppl[adamw]", Fail, "diverged in all 3 seeds"},
		"all, the other way round":    {join(of("galore", 0, inf, inf, inf), adamw), "ppl[adamw] > 0.9 * ppl[galore]", Fail, "diverged in all 3 seeds"},
		"all, against a number":       {of("galore", 0, inf, inf, inf), "ppl[galore] <= 100", Fail, "diverged in all 3 seeds"},
		"all, of the side that loses": {join(of("galore", 0, 10, 11, 12), of("adamw", 0, inf, inf, inf)), "ppl[galore] < ppl[adamw]", Inconclusive, "3 of 3 seeds diverged and have no ppl"},
		"both":                        {join(of("galore", 0, inf, inf), of("adamw", 0, inf, inf)), "ppl[galore] <= ppl[adamw]", Inconclusive, "without a result"},
		"one seed":                    {join(of("galore", 0, inf), adamw[:1]), "ppl[galore] < ppl[adamw]", Inconclusive, "the run diverged and has no ppl"},
		"speed":                       {join(of("galore", 0, inf, inf), adamw), "tokens_per_second[galore] < tokens_per_second[adamw]", Inconclusive, "no tokens_per_second"},
		"memory":                      {join(of("galore", 0, inf, inf), adamw), "paper_bytes[galore] < paper_bytes[adamw]", Pass, ""},
		"a quotient":                  {join(of("galore", 0, 10, 11, 12), of("adamw", 0, inf, inf, inf)), "ppl[galore] / ppl[adamw] < 1", Inconclusive, "without a result in 3 of 3 seeds"},
		"one of three in a quotient":  {join(of("galore", 0, 10, 11, 12), of("adamw", 0, 22, inf, 24)), "ppl[galore] / ppl[adamw] < 1", Inconclusive, "without a result in 1 of 3 seeds"},
		"passed over by min":          {join(of("galore", 0, 10, 11, 12), of("lora", 0, inf, inf, inf), adamw), "min(ppl[galore], ppl[lora]) < ppl[adamw]", Inconclusive, "without a result in 3 of 3 seeds"},
		"without a partner":           {join(of("galore", 0, 10, 11, 12, inf), adamw), "ppl[galore] < ppl[adamw]", Inconclusive, "without a result in 1 of 4 seeds"},
		"without enough partners":     {join(of("galore", 0, 10, 11, 12, inf), of("adamw", 7, 22, 23, 24)), "ppl[galore] < ppl[adamw]", Inconclusive, "without a result"},
		"a negated claim":             {join(of("galore", 0, inf, inf), adamw), "not ppl[galore] > ppl[adamw]", Inconclusive, "without a result"},
	} {
		v := judge1(t, c.text, c.rows)
		if v.Result != c.want || !strings.Contains(strings.Join(v.Notes, "\n"), c.note) || (c.note == "") != (len(v.Notes) == 0) {
			t.Errorf("%s: %s, notes %q; want %s, %q", name, v.Result, v.Notes, c.want, c.note)
		}
		if name == "one of three, better else" && v.Comparisons[0].Estimate != -12 {
			t.Errorf("%s: the estimate is %v, want that of the other seeds", name, v.Comparisons[0].Estimate)
		}
	}
}

// What a selection cannot mean, and what may yet come.
func TestSelections(t *testing.T) {
	rows := experiment()
	for text, want := range map[string]string{
		"ppl[galore] < 3":           "rank varies within ppl[galore] (8, 32): name one, as in ppl[galore, rank=32]",
		"ppl[galore, rank=32] < 3":  "update_proj_gap varies within ppl[galore, rank=32] (50, 200, never): name one, as in ppl[galore, rank=32, update_proj_gap=never]",
		"ppl[rank=8] < gap[rank=8]": `no run has a column "gap"`,
		"update_proj_gap[galore, rank=32, update_proj_gap=never] < 3": "is never: a claim compares numbers",
		"ppl[": "the claim ends",
	} {
		v, err := Judge([]Claim{{ID: "c", Expr: text}, {ID: "d", Expr: "1 < 2"}}, rows)
		absent := strings.Contains(want, "no run has")
		if (err == nil) != absent || !absent && !strings.Contains(err.Error(), want) || !strings.Contains(strings.Join(v[0].Notes, "\n"), want) || v[0].Result != Inconclusive {
			t.Errorf("%s: %+v\n%v", text, v[0], err)
		}
		if v[1].Result != Pass {
			t.Errorf("%s stopped another claim", text)
		}
	}
	v := judge1(t, "ppl[galore, rank=32, update_proj_gap=50] < ppl[label=adamw] + 1", rows)
	if v.Result != Inconclusive || v.Comparisons[0].Terms[0].Runs != 2 {
		t.Errorf("%+v", v)
	}
	v = judge1(t, "ppl[lora] < 3", rows)
	if v.Result != Inconclusive || !strings.Contains(v.Notes[0], "no finished run has method = lora") {
		t.Errorf("%+v", v)
	}
	if v := judge1(t, "1 < 2 or ppl[lora] < 3", nil); v.Result != Pass {
		t.Errorf("%+v", v)
	}
}

// A comparison and its mirror image agree, scaling both sides changes nothing,
// and the order of runs does not matter.
func TestJudgementIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "seeds")
		values := func(name string) (list []float64) {
			for range n {
				list = append(list, float64(rapid.IntRange(20, 24).Draw(t, name)))
			}
			return list
		}
		rows := join(of("galore", 0, values("galore")...), of("adamw", 0, values("adamw")...))
		shuffled := rapid.Permutation(rows).Draw(t, "order")
		result := func(text string, rows []Row) string {
			v, err := Judge([]Claim{{Expr: text}}, rows)
			if err != nil {
				t.Fatal(err)
			}
			return v[0].Result
		}
		for _, pair := range [][2]string{{"<", ">"}, {"<=", ">="}} {
			texts := []string{
				"ppl[galore] %s ppl[adamw]", "4 * ppl[galore] %s ppl[adamw] * 4", "ppl[galore] - ppl[adamw] %s 0", "not ppl[adamw] %s ppl[galore]",
			}
			mirror := map[string]string{"<": "<=", "<=": "<"}[pair[0]]
			want := result("ppl[adamw] "+pair[1]+" ppl[galore]", rows)
			for i, text := range texts {
				op := pair[0]
				if i == 3 {
					op = mirror
				}
				if got := result(fmt.Sprintf(text, op), shuffled); got != want {
					t.Fatalf("%s is %s, its mirror image %s", fmt.Sprintf(text, op), got, want)
				}
			}
		}
	})
}

// A unit is kept where the arithmetic keeps it.
func TestUnits(t *testing.T) {
	for text, want := range map[string]Quantity{
		"paper_bytes[a] < paper_bytes[b]":          Bytes,
		"2 * paper_bytes[a] / 3 < 1":               Bytes,
		"paper_bytes[a] - 3 * paper_bytes[b] < 1":  Bytes,
		"-paper_bytes[a] < max(paper_bytes[b], 1)": Bytes,
		"paper_bytes[a] / paper_bytes[b] < 1":      Measure,
		"paper_bytes[a] * ppl[b] < 1":              Measure,
		"ppl[a] < 3":                               Measure,
		"paper_bytes[a] + ppl[b] < 1":              Measure,
	} {
		if got := judge1(t, text, nil).Comparisons[0].Unit; got != want {
			t.Errorf("%s: unit %v, want %v", text, got, want)
		}
	}
}

// A claim comes back from the file of a sweep as it was, and one that makes no
// claim leaves no trace in it.
func TestClaimsAreStored(t *testing.T) {
	d := Declarations{
		Claims:     []Claim{{ID: "c", Title: "t", Expr: "ppl[a] < 3 and ppl[b] > 2"}},
		Contract:   &Contract{Same: []string{"init"}, Where: map[string]any{"rank": 8.0}},
		References: []Reference{{ID: "p", Source: "s", Scale: map[string]any{"tokens": 2.2e9}, Values: []map[string]any{{"method": "adamw", "ppl": 25.08}}}},
	}
	s := stored(t, d)
	back, err := Declared(s)
	if diff := cmp.Diff(d, back); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := (Declarations{}).Declare(&s); err != nil || s.Claims != nil || s.Contract != nil || s.References != nil {
		t.Errorf("nothing declared: %+v, %v", s, err)
	}
}

func stored(t *testing.T, d Declarations) (s record.Sweep) {
	t.Helper()
	if err := d.Declare(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// A run that diverged ended early: what adds up over a run leaves it out, its speed
// counts.
func TestShortRunsAreLeftOutOfSums(t *testing.T) {
	rows := of("galore", 0, 10, 11, inf)
	for i, seconds := range []float64{100, 102, 4} {
		rows[i].Results["seconds"], rows[i].Results["tokens_per_second"] = seconds, 500
	}
	g := tabulated(t, Table{Rows: []string{"method"}, Columns: []string{"ppl", "seconds", "tokens_per_second"}}, rows)
	for k, want := range []float64{10.5, 101, 500} {
		if got := g.Rows[0].Cells[1+k].Mean.Value; got != want {
			t.Errorf("%s: %v, want %v", g.Columns[1+k].Name, got, want)
		}
	}
}

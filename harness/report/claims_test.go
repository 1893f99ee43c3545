package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ranklab/harness/stats"
	"ranklab/harness/view"
)

func verdicts() []view.Verdict {
	nan := math.NaN()
	term := func(text, column string, exact bool, values ...float64) view.Term {
		t := view.Term{Text: text, Column: view.Describe(column), Mean: stats.Of(values), Exact: exact, Runs: len(values)}
		for range values {
			t.IDs = append(t.IDs, "058252523655")
		}
		return t
	}
	return []view.Verdict{
		{
			Claim: view.Claim{ID: "close", Title: "Close to full rank", Expr: "ppl[galore] <=\n  1.03 * ppl[adamw]"}, Result: view.Inconclusive,
			Comparisons: []view.Judgement{{
				Text: "ppl[galore] <=\n  1.03 * ppl[adamw]", Estimate: -0.29991, Lo: -0.55439, Hi: 0.04546, Result: view.Inconclusive, Unit: view.Measure, Seeds: 2, Paired: true,
				Terms: []view.Term{term("ppl[galore]", "ppl", false, 28, 29), term("ppl[adamw]", "ppl", false, 30)},
			}},
			Notes: []string{"a note\x1b[2J"},
		},
		{
			Claim: view.Claim{ID: "both", Expr: "paper_bytes[galore] < 1e9 and loss[lora] < 3"}, Result: view.Fail,
			Comparisons: []view.Judgement{
				{Text: "paper_bytes[galore] < 1e9", Estimate: -3 << 20, Lo: -3 << 20, Hi: -3 << 20, Result: view.Pass, Unit: view.Bytes, Exact: true, Terms: []view.Term{term("paper_bytes[galore]", "paper_bytes", true, 5<<20)}},
				{Text: "loss[lora] < 3", Estimate: nan, Lo: nan, Hi: nan, Result: view.Fail, Unit: view.Measure, Terms: []view.Term{{Text: "loss[lora]", Column: view.Describe("loss"), Runs: 2, Diverged: 2, Mean: stats.Of(nil)}}},
			},
		},
	}
}

func TestWriteClaims(t *testing.T) {
	for format, want := range map[string]string{
		Text: `Claims

INCONCLUSIVE  Close to full rank (close)
              ppl[galore] <= 1.03 * ppl[adamw]
              left − right = -0.2999, 95 % interval -0.5544 … 0.0455, 2 seeds, paired
                ppl[galore] = 28.50 ± 6.35 (2 runs: 058252523655 058252523655)
                ppl[adamw] = 30.00 (1 run: 058252523655)
              note: a note·[2J

FAIL          both
              paper_bytes[galore] < 1e9 and loss[lora] < 3
              PASS: paper_bytes[galore] < 1e9: left − right = -3.00 MiB, exact
                paper_bytes[galore] = 5.00 MiB (1 run: 058252523655)
              FAIL: loss[lora] < 3: left − right: no estimate
                loss[lora] = – (2 runs, 2 diverged)
`,
		Markdown: "### Claims\n\n" +
			"**INCONCLUSIVE** Close to full rank (close): `ppl[galore] <= 1.03 * ppl[adamw]`\n\n" +
			"- left − right = -0.2999, 95 % interval -0.5544 … 0.0455, 2 seeds, paired (ppl[galore] = 28.50 ± 6.35 (2 runs: 058252523655 058252523655); ppl[adamw] = 30.00 (1 run: 058252523655))\n" +
			"- a note·[2J\n\n" +
			"**FAIL** both: `paper_bytes[galore] < 1e9 and loss[lora] < 3`\n\n" +
			"- PASS: `paper_bytes[galore] < 1e9`: left − right = -3.00 MiB, exact (paper_bytes[galore] = 5.00 MiB (1 run: 058252523655))\n" +
			"- FAIL: `loss[lora] < 3`: left − right: no estimate (loss[lora] = – (2 runs, 2 diverged))\n",
	} {
		var b strings.Builder
		if err := WriteClaims(&b, "x", verdicts(), format); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", format, d)
		}
	}
	var b strings.Builder
	if err := WriteClaims(&b, "x", verdicts(), JSON); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Claims []struct {
			ID, Result  string
			Comparisons []struct {
				Estimate *float64
				Low      *float64 `json:"ci95_low"`
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || len(got.Claims) != 2 || *got.Claims[0].Comparisons[0].Low != -0.55439 || got.Claims[1].Comparisons[1].Estimate != nil {
		t.Errorf("%v\n%s", err, &b)
	}
	if err := WriteClaims(&b, "x", nil, CSV); err == nil {
		t.Error("claims were written as CSV")
	}
}

func TestWriteContract(t *testing.T) {
	findings := []view.Finding{
		{Quantity: "init", Text: "same for all 4 runs"},
		{Quantity: "data_order", Text: "galore: a|b; adamw: c", Breaches: []view.Breach{{Quantity: "data_order", Text: "…", IDs: []string{"058252523655"}}}},
	}
	for format, want := range map[string]string{
		Text:     "Contract\n\ninit        same for all 4 runs\ndata_order  BREACH: galore: a|b; adamw: c\n",
		Markdown: "### Contract\n\n| quantity | |\n|:--|:--|\n| init | same for all 4 runs |\n| data_order | BREACH: galore: a\\|b; adamw: c |\n",
	} {
		var b strings.Builder
		if err := WriteContract(&b, "x", findings, format); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", format, d)
		}
	}
	var b strings.Builder
	if err := WriteContract(&b, "x", findings, JSON); err != nil || !strings.Contains(b.String(), `"holds": false`) {
		t.Errorf("%v\n%s", err, &b)
	}
}

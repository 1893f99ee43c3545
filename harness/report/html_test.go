package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// outline reads a page as XML, which is stricter than HTML, and returns its text
// and the ids of its places. It fails on anything that a report does not hold: an
// element or attribute that could load or run something, a link that leads away or
// nowhere, an id that is there twice.
func outline(t *testing.T, page []byte) (text string, ids []string) {
	t.Helper()
	elements := strings.Fields("html head meta title style body nav ol ul li a main header section article aside h1 h2 h3 h4 p span div dl dt dd code" +
		" figure figcaption details summary table caption thead tbody tr th td " + strings.Join(svgElements(), " ") + " desc")
	attributes := strings.Fields("lang charset http-equiv content name class id href scope role tabindex aria-label aria-labelledby aria-hidden")
	var b strings.Builder
	var links []string
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if !slices.Contains(elements, name) {
				t.Errorf("the page holds <%s>", name)
			}
			for _, a := range token.Attr {
				switch {
				case a.Name.Local == "id":
					if slices.Contains(ids, a.Value) {
						t.Errorf("two places are called %q", a.Value)
					}
					ids = append(ids, a.Value)
				case a.Name.Local == "href" && strings.HasPrefix(a.Value, "#"):
					links = append(links, a.Value[1:])
				case a.Name.Local == "href" && strings.HasPrefix(a.Value, "data:image/") && name == "image":
				case a.Name.Local == "href":
					t.Errorf("a link leads to %q", a.Value)
				case !slices.Contains(attributes, a.Name.Local) && !drawingAttribute.MatchString(a.Name.Local):
					t.Errorf("<%s> has %s=%q", name, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			b.Write(token)
		}
	}
	for _, to := range links {
		if !slices.Contains(ids, to) {
			t.Errorf("a link leads to %q, which is nowhere", to)
		}
	}
	return b.String(), ids
}

func TestReportOfCommittedResults(t *testing.T) {
	for name, wants := range map[string][]string{
		"quick":           {"Five methods on a 1.3M-parameter LLaMA", "28.86", "GaLore: perplexity against rank", "One seed: there are no intervals", "exact bf16", "update_proj_gap", "df1ffd4f3d7d", "merge", "trigram"},
		"quick-lr":        {"Every rate that was tried", "0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064"},
		"quick-projector": {"28.66 ± 0.49", "svd, range_finder", "seed 4"},
	} {
		page := committed(t, name)
		text, ids := outline(t, page)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("the report of %s lacks %q", name, want)
			}
		}
		for _, id := range []string{"top", "figures", "memory", "settings", "provenance", "runs"} {
			if !slices.Contains(ids, id) {
				t.Errorf("the report of %s has no %s", name, id)
			}
		}
		if !bytes.Equal(page, committed(t, name)) {
			t.Errorf("the report of %s has other bytes the second time", name)
		}
	}
}

// TestReportShowsTrouble: runs that diverged or have no result, figures and tables
// that cannot be made, and records that cannot be read are shown in their places.
func TestReportShowsTrouble(t *testing.T) {
	root, s, _ := experiment(t)
	s.Overrides = []string{"train.steps=4"}
	s.Question = "Does it matter?"
	must(t, view.Declarations{
		Tables: []view.Table{{ID: "good", Rows: []string{"method", "rank"}}, {ID: "bad", Title: "A bad table", Rows: []string{"kind"}, Sort: "colour"}},
		Figures: []view.Figure{
			{ID: "good", Kind: view.Bar, X: "method", Y: "ppl"},
			{ID: "bad", Title: "A bad figure", Kind: view.Line, X: "rank", Y: "lr", Group: []string{"kind"}, XScale: "cubic"},
			{ID: "skipped", Kind: view.Line, X: "rank", Y: "ppl", Where: map[string]any{"rank": 64}},
		},
	}.Declare(&s))
	runs, err := record.List(root)
	must(t, err)
	page := reportOf(t, s, runs)
	text, _ := outline(t, page)
	for _, want := range []string{
		"Does it matter?", "with -S train.steps=4", "No result yet for 1 of 9 runs: GaLore rank=64, seed 0 (planned)", "2 of 9 runs diverged", "loss is not finite at step 120",
		"This figure cannot be drawn", "cubic", "This table cannot be made", "Not drawn", "1 of 3 seeds diverged", "changes that its revision does not hold", "Small | comparison",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	// Nothing is finished yet.
	s.Runs = s.Runs[len(s.Runs)-1:]
	text, _ = outline(t, reportOf(t, s, nil))
	if !strings.Contains(text, "no run is finished yet") || !strings.Contains(text, "0 of 1 finished") {
		t.Errorf("the report of an unfinished sweep: %s", text)
	}
	// A row that is damaged.
	id := s.Runs[0].ID
	must(t, os.MkdirAll(record.Dir(root, id), 0o777), os.WriteFile(filepath.Join(record.Dir(root, id), "metrics.jsonl"), []byte("{\"k\":\n{}\n"), 0o666))
	runs, err = record.List(root)
	must(t, err)
	if text, _ = outline(t, reportOf(t, s, runs)); !strings.Contains(text, "metrics.jsonl") {
		t.Error("the report hides that rows cannot be read")
	}
}

// TestReportOfClaims: claims and the contract are judged, at the top in a word and
// below in full.
func TestReportOfClaims(t *testing.T) {
	_, s, runs := experiment(t)
	must(t, view.Declarations{
		Claims: []view.Claim{
			{ID: "less", Title: "Less memory", Expr: "optimizer_state_bytes[lora] < optimizer_state_bytes[adamw]"},
			{ID: "more", Expr: "optimizer_state_bytes[lora] > optimizer_state_bytes[adamw]"},
			{ID: "open", Title: "Nobody knows", Expr: "ppl[lora] < ppl[galore]"},
		},
		Contract: &view.Contract{Same: []string{"init"}},
	}.Declare(&s))
	text, ids := outline(t, reportOf(t, s, runs))
	for _, want := range []string{"PASS Less memory", "FAIL more", "INCONCLUSIVE Nobody knows", "optimizer_state_bytes[lora] < optimizer_state_bytes[adamw]", "left − right", "BROKEN", "The contract is broken", "not recorded for"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, id := range []string{"claims", "claim-less", "contract"} {
		if !slices.Contains(ids, id) {
			t.Errorf("no %s", id)
		}
	}
}

// TestReportOfTuning: trials are no runs of the report, and stand in a section of
// their own.
func TestReportOfTuning(t *testing.T) {
	root, s, _ := experiment(t)
	before := len(s.Runs)
	for i, lr := range []float64{0.002, 0.001, 0.004} {
		id := store(t, root, &s, "adamw", "adamw", 100+i, 3.5+lr, map[string]any{"lr": lr})
		r := &s.Runs[len(s.Runs)-1]
		r.ID, r.Stage, r.Chosen = id, record.Tune, lr == 0.002
	}
	s.Rates = []record.Rate{{Method: "adamw", LR: 0.002, From: "small:adamw", Lock: "small.lock.toml:4", Trials: 3, Edge: "high"}, {Method: "galore", LR: 0.01}}
	runs, err := record.List(root)
	must(t, err)
	text, ids := outline(t, reportOf(t, s, runs))
	for _, want := range []string{fmt.Sprintf("of %d finished", before), "tuned: small:adamw", "small.lock.toml:4", "given by the experiment", "is the highest that was tried", "chosen", "Sensitivity to the learning rate"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if !slices.Contains(ids, "tuning-trials") || strings.Contains(text, "seed 100") {
		t.Errorf("trials: %v", ids)
	}
}

// TestReportOfMarkup: what looks like markup in records and declarations stays
// text, wherever it stands.
func TestReportOfMarkup(t *testing.T) {
	for _, evil := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style><script>x</script>`, `</svg><iframe src="//example.com">`, `javascript:alert(1)`,
		`'onmouseover='x`, `]]>`, `<!--`, `{{.Style}}`, `&lt;b&gt;`, "\u202e\x1b[2J\x00\ufffe", "a\x80\xff",
	} {
		root := t.TempDir()
		s := record.Sweep{Experiment: "small", Title: evil, Question: evil, Overrides: []string{evil}, DataDigest: evil}
		id := "aaaaaaaaaaaaffff"
		must(t, record.AddOrigin(root, id, "n", record.Origin{Experiment: "small", Variant: evil, Kind: evil, Label: evil, Settings: map[string]any{evil: evil, "lr": evil}, Axes: map[string]any{evil: evil}}))
		w, err := record.Open(root, id)
		must(t, err)
		eval := record.EvalRow{Step: 4, Split: evil, Loss: 3, PPL: 20, BitsPerByte: 2, Targets: 5}
		must(t, w.Provenance(record.Provenance{Revision: evil, GoVersion: evil, OS: evil, Host: evil, Argv: []string{evil}, CorpusDigest: evil, CPU: record.CPU{Model: evil, Features: []string{evil}}, Modules: []record.Module{{Path: evil, Version: evil}}}),
			w.Eval(eval), w.Event(record.EventRow{Step: 1, Name: evil, Detail: map[string]any{evil: evil}}),
			w.Summary(record.Summary{ID: id, NumbersID: evil, State: record.Diverged, Reason: evil, Steps: 4, Final: eval, Best: eval, StateDigest: evil, PeakMeasure: evil}), w.Close())
		s.Runs = []record.SweepRun{{ID: id, Label: evil, Variant: evil, Axes: map[string]any{evil: evil}}, {ID: evil, Label: evil}}
		must(t, view.Declarations{
			Tables:  []view.Table{{ID: evil, Title: evil, Rows: []string{"method", evil}, Columns: []string{"loss", evil}}},
			Figures: []view.Figure{{ID: "a", Title: evil, Kind: view.Line, X: "step", Y: "loss", XLabel: evil, YLabel: evil, Group: []string{"label"}}, {ID: "b", Title: evil, Kind: evil, X: evil, Y: evil}},
		}.Declare(&s))
		runs, err := record.List(root)
		must(t, err)
		page := reportOf(t, s, runs)
		text, _ := outline(t, page)
		shown := strings.Map(func(r rune) rune {
			if r < ' ' || r == '\u202e' || r == '\ufffd' || r == '\ufffe' {
				return '·'
			}
			return r
		}, evil)
		if !strings.Contains(text, shown) {
			t.Errorf("%q is not shown as it is", evil)
		}
	}
}

// FuzzHTML: whatever records and declarations hold, the report is well-formed and
// holds nothing that could load or run.
func FuzzHTML(f *testing.F) {
	f.Add([]byte(`{"Origins":[{"experiment":"x","variant":"a","label":"<b>","settings":{"lr":0.1,"n":[1]}}],"Summary":{"state":"done","steps":4,"final":{"loss":3,"ppl":20,"targets":5,"step":4},"memory":{"weights":10},"time":{"train_s":5}},`+
		`"Memory":{"predicted":{"weights":9},"registered":{"weights":10,"scratch":-4},"exact_bf16":{"weights":5},"measured":{"measure":"m","peak_phase":"<p>"}},"Provenance":{"revision":"r","cpu":{"model":"c"},"modules":[{"path":"p"}],"attempts":[{},{}]}}`),
		[]byte(`{"title":"</title>","runs":[{"id":"4f2c9a01b7de","label":"<x>","variant":"v","axes":{"a":1}},{"id":"","seed":3}],"figures":[{"id":"f","kind":"bar","x":"method","y":"ppl"}],"tables":[{"id":"<","rows":["method"],"columns":["ppl"]}],"baselines":[{"name":"&"}]}`))
	f.Add([]byte(`{"Status":{"state":"failed","reason":"\u0000"},"Estimate":{"memory":{"weights":5}}}`), []byte(`{"runs":[{"id":"4f2c9a01b7de"}],"figures":[{"id":"f","kind":"stacked_bar","x":"label","y":"bytes"}]}`))
	f.Fuzz(func(t *testing.T, run, sweep []byte) {
		var s stored
		var w record.Sweep
		if json.Unmarshal(run, &s) != nil || json.Unmarshal(sweep, &w) != nil || len(w.Runs) > 50 {
			return
		}
		r := record.Run{
			ID: "4f2c9a01b7de", Dir: "testdata/no-such-run", Origins: s.Origins, Status: s.Status, Summary: s.Summary, Memory: s.Memory, Estimate: s.Estimate, Provenance: s.Provenance,
		}
		var b bytes.Buffer
		if WriteHTML(&b, w, []record.Run{r}) != nil {
			return // declarations that cannot be read
		}
		outlineOf(t, b.Bytes())
	})
}

// outlineOf is outline for runs of which ids may repeat.
func outlineOf(t *testing.T, page []byte) {
	d := xml.NewDecoder(bytes.NewReader(page))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if slices.Contains([]string{"script", "iframe", "img", "link", "object", "embed", "form", "base"}, strings.ToLower(e.Name.Local)) {
				t.Fatalf("the page holds <%s>", e.Name.Local)
			}
			for _, a := range e.Attr {
				if name := strings.ToLower(a.Name.Local); strings.HasPrefix(name, "on") || name == "src" || name == "style" {
					t.Fatalf("<%s> has %s=%q", e.Name.Local, name, a.Value)
				}
			}
		}
	}
}

// TestInlineSVG: what does not draw is left out, names are the figure's own.
func TestInlineSVG(t *testing.T) {
	const document = `<?xml version="1.0"?><!-- x --><svg width="5pt" height="6pt" viewBox="0 0 5 6" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="x()">
<style>a{}</style><script>alert(1)</script><defs><clipPath id="c"><rect width="1" height="2"/></clipPath></defs>
<g clip-path="url(#c)" style="fill:#ff0000;stroke:url(http://example.com/a);position:fixed" onclick="x()"><text x="1">a &lt;b&gt;</text><foreignObject><div>no</div></foreignObject>
<use xlink:href="#c"/><use href="http://example.com"/><image xlink:href="data:image/png;base64,AAAA"/><image href="//example.com/x.png"/><a href="http://example.com"><text>no</text></a></g></svg>`
	got, err := inlineSVG([]byte(document), "fig-a", `a "title"`, "<desc>")
	must(t, err)
	for _, want := range []string{`id="fig-a-c"`, `clip-path="url(#fig-a-c)"`, `fill="#ff0000"`, `href="#fig-a-c"`, `a &lt;b&gt;`, `viewBox="0 0 5 6"`, `data:image/png`, `a &#34;title&#34;`, `&lt;desc&gt;`, `role="img"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("lacks %s:\n%s", want, got)
		}
	}
	for _, bad := range []string{"example.com", "script", "onload", "onclick", "style", "foreignObject", "5pt", "position", ">no<", "xmlns"} {
		if strings.Contains(string(got), bad) {
			t.Errorf("holds %s:\n%s", bad, got)
		}
	}
	for _, broken := range []string{"<svg>", "<svg></g>", "x<svg", "<svg><g></svg>"} {
		if got, err := inlineSVG([]byte(broken), "f", "", ""); err == nil && !balanced(string(got)) {
			t.Errorf("%s became %s", broken, got)
		}
	}
}

func balanced(s string) bool {
	d := xml.NewDecoder(strings.NewReader("<x>" + s + "</x>"))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// TestPolicyAllowsTheStyle: the digest in the policy is that of the style as it
// stands in the page.
func TestPolicyAllowsTheStyle(t *testing.T) {
	page := string(committed(t, "quick"))
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	if style != htmlStyle || !strings.Contains(fmt.Sprint(strings.ReplaceAll(strings.ReplaceAll(page, "&#43;", "+"), "&#39;", "'")), policy(style)) {
		t.Error("the policy does not allow the style of the page")
	}
}

package plots

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/memory"
)

func charts(t *testing.T) []view.Chart {
	t.Helper()
	rows, figures := samples()
	var list []view.Chart
	for _, f := range figures {
		c, err := view.Query(f, rows, 0)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

func TestRedrawingGivesTheSameBytes(t *testing.T) {
	again := charts(t)
	for i, first := range charts(t) {
		second := again[i]
		for _, f := range files() {
			if f.ext == "png" && i%8 > 0 {
				continue // PNG and SVG share all commands; some pictures show that encoding is stable
			}
			a, errA := f.draw(first)
			b, errB := f.draw(second)
			if errA != nil || errB != nil {
				t.Fatalf("%s: %v, %v", first.Figure.ID, errA, errB)
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%s.%s differs when drawn again", first.Figure.ID, f.ext)
			}
		}
	}
}

// texts returns the position and content of every text of an SVG.
func texts(t *testing.T, svg []byte) map[string]int {
	t.Helper()
	found := map[string]int{}
	dec := xml.NewDecoder(bytes.NewReader(svg))
	inside := false
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inside = token.Name.Local == "text"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				found[string(token)]++
			}
		}
	}
}

func TestEveryFigureIsLabelled(t *testing.T) {
	for _, c := range charts(t) {
		svg, err := SVG(c)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(svg, []byte("font-family:'Liberation Sans',Arial")) {
			t.Errorf("%s: no fallback typeface", c.Figure.ID)
		}
		found := texts(t, svg)
		all := " " + strings.Join(keys(found), " ") + " "
		want := append(strings.Fields(c.Figure.Title), strings.Fields(strings.Join(c.Panels, " "))...)
		if c.Figure.Kind == view.Line || c.Figure.Kind == view.Frontier {
			want = append(want, strings.Fields(c.X.Header)...)
			for _, s := range append(c.Series, c.Baselines...) {
				want = append(want, strings.Fields(s.Label)...)
			}
		}
		for _, word := range want {
			if !strings.Contains(all, word) {
				t.Errorf("%s: %q is not on the page", c.Figure.ID, word)
			}
		}
	}
}

func keys(m map[string]int) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// TestTheLegendCoversNoData looks at the picture: in the strip of the legend
// there is no grid line, so the data area ends before it.
func TestTheLegendCoversNoData(t *testing.T) {
	c := charts(t)[0]
	data, err := PNG(c)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if b := img.Bounds(); b.Dx() != int(width/vg.Inch*dpi) {
		t.Errorf("%d pixels wide, want %v", b.Dx(), width/vg.Inch*dpi)
	}
	d, err := newDrawing(c)
	if err != nil {
		t.Fatal(err)
	}
	d.height()
	pixel := func(l vg.Length) int { return int(l / vg.Inch * dpi) }
	from := pixel(width - vg.Points(margin) - d.legend.width() - vg.Points(legendGap/2))
	light := grid()
	for y := range img.Bounds().Dy() {
		run := 0
		for x := from; x < img.Bounds().Dx(); x++ {
			p := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if p == light {
				run++
			} else {
				run = 0
			}
			if run > 20 {
				t.Fatalf("a grid line reaches into the legend at (%d, %d)", x, y)
			}
		}
	}
}

func TestCSVHoldsTheData(t *testing.T) {
	for _, c := range charts(t) {
		data, err := CSV(c)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", c.Figure.ID, err)
		}
		n := 1
		for _, s := range append(c.Series, c.Baselines...) {
			n += len(s.Points)
		}
		for _, s := range c.Series {
			for _, p := range s.Points {
				n += len(p.Each)
			}
		}
		if len(lines) != n {
			t.Errorf("%s: %d lines, want %d", c.Figure.ID, len(lines), n)
		}
		if bytes.Contains(data, []byte("NaN")) {
			t.Errorf("%s: NaN in the CSV", c.Figure.ID)
		}
	}
}

func TestPanicsBecomeErrorsWithTheName(t *testing.T) {
	c := charts(t)[0]
	c.Figure.ID, c.XScale = "broken", view.Category // without categories: no place for any x
	c.Figure.YScale = view.Log
	c.Series[0].Points[0].Y = -1
	_, err := SVG(c)
	if err == nil || !strings.Contains(err.Error(), `figure "broken"`) {
		t.Errorf("error %v, want one naming the figure", err)
	}
}

func TestNothingToDrawIsAnError(t *testing.T) {
	nan := math.NaN()
	c := view.Chart{Figure: view.Figure{ID: "empty", Kind: view.Line, X: "lr", Y: "ppl"}, X: view.Describe("lr"), Y: view.Describe("ppl"), XScale: view.Linear,
		Series: []view.Series{{Label: "a", Kind: "adamw", Points: []view.Point{{X: 1, Y: nan, Lo: nan, Hi: nan, Diverged: 1}}}}}
	if _, err := PNG(c); err == nil || !strings.Contains(err.Error(), `"empty"`) {
		t.Errorf("error %v, want one naming the figure", err)
	}
}

func TestOneBadFigureDoesNotStopTheOthers(t *testing.T) {
	rows, figures := samples()
	bad := view.Figure{ID: "bad", Kind: view.Line, X: "rank", Y: "ppl"}
	paths, _, err := WriteFigures(t.TempDir(), view.Declarations{Figures: []view.Figure{bad, figures[0]}}, rows, 0)
	if len(paths) != 4 || err == nil || !strings.Contains(err.Error(), `figure "bad"`) {
		t.Errorf("paths %q, error %v", paths, err)
	}
}

func TestFiguresThatMustWait(t *testing.T) {
	rows, _ := samples()
	figure := func(id string, where map[string]any) view.Figure {
		return view.Figure{ID: id, Kind: view.Bar, X: "method", Y: "ppl", Where: where}
	}
	diverged := []view.Row{sampleRun("sgd", "", 0, 3.6, map[string]any{"rate": 9.0})}
	diverged[0].Diverged = true
	diverged[0].Results["ppl"] = math.NaN()
	diverged[0].Metrics = func() (record.Metrics, error) { return record.Metrics{}, nil }
	curve := view.Figure{ID: "curve", Kind: view.Line, X: "step", Y: "loss", Where: map[string]any{"method": "sgd"}}
	all := append(diverged, rows...)
	fixed := func(extra map[string]any) map[string]any {
		where := map[string]any{"method": "adamw", "rate": 0.001}
		for k, v := range extra {
			where[k] = v
		}
		return where
	}
	for name, c := range map[string]struct {
		figure        view.Figure
		pending       int
		files         int
		note, failure string
	}{
		"every run diverged":               {figure("sgd", map[string]any{"method": "sgd"}), 0, 0, `figure "sgd"`, ""},
		"diverged before an evaluation":    {curve, 0, 0, `figure "curve"`, ""},
		"a value that is to come":          {figure("wait", map[string]any{"method": "muon"}), 2, 0, `figure "wait"`, ""},
		"a column that is to come":         {figure("wait", map[string]any{"blocks": 2}), 2, 0, `figure "wait"`, ""},
		"a value that no run has":          {figure("typo", map[string]any{"method": "muon"}), 0, 0, "", `figure "typo"`},
		"a column that no run has":         {figure("typo", map[string]any{"blocks": 2}), 0, 0, "", `figure "typo"`},
		"one value of a list is missing":   {figure("part", fixed(map[string]any{"rate": []any{0.001, 77.0}})), 0, 4, "rate = 77", ""},
		"everything is there":              {figure("good", fixed(nil)), 2, 4, "", ""},
		"a mistake while runs are to come": {view.Figure{ID: "pie", Kind: "pie", X: "method", Y: "ppl"}, 2, 0, "", `figure "pie"`},
	} {
		dir := t.TempDir()
		old := filepath.Join(dir, "fig-"+c.figure.ID+".svg") // of an earlier state
		if err := os.WriteFile(old, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		paths, notes, err := WriteFigures(dir, view.Declarations{Figures: []view.Figure{c.figure}}, all, c.pending)
		if _, err := os.Stat(old); c.failure == "" && (err == nil) != (c.files > 0) {
			t.Errorf("%s: %d files written, yet Stat of %s says %v", name, c.files, old, err)
		}
		if len(paths) != c.files {
			t.Errorf("%s: files %q, want %d", name, paths, c.files)
		}
		if (c.note != "") != (len(notes) == 1) || len(notes) > 0 && (!strings.Contains(notes[0], c.note) || !strings.Contains(notes[0], fmt.Sprintf("%q", c.figure.ID))) {
			t.Errorf("%s: notes %q, want one with %q", name, notes, c.note)
		}
		if (c.failure != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.failure)
		}
	}
}

func TestAMethodHasOneColour(t *testing.T) {
	alone := looks([]view.Series{{Method: "galore", Kind: "galore"}})[0]
	five := looks([]view.Series{{Method: "adamw", Kind: "adamw"}, {Method: "lora", Kind: "lora"}, {Method: "galore", Kind: "galore"}, {Method: "relora", Kind: "relora"}, {Method: "lowrank", Kind: "lowrank"}})
	beside := looks([]view.Series{{Method: "galore-svd", Kind: "galore"}, {Method: "galore", Kind: "galore"}})
	if alone.colour != five[2].colour || alone.colour != beside[1].colour {
		t.Errorf("galore is %v alone, %v among five, %v beside a variant", alone.colour, five[2].colour, beside[1].colour)
	}
	if beside[0].colour == beside[1].colour {
		t.Error("a variant has the colour of its method")
	}
	ranks := looks(make([]view.Series, 4))
	for i := range ranks {
		for j := range i {
			if ranks[i].colour == ranks[j].colour || ranks[i].dashes == ranks[j].dashes {
				t.Errorf("series %d and %d of one method look alike", i, j)
			}
		}
	}
}

func TestColoursAreDistinctAndVisible(t *testing.T) {
	seen := map[color.NRGBA]string{}
	var all []string
	all = append(all, "adamw", "galore", "lora", "relora", "lowrank", "sgd", "adafactor")
	for _, category := range memory.Categories() {
		all = append(all, string(category))
	}
	for i, name := range all {
		c := categoryColour(name)
		if i < 7 {
			c = ofKind(name).colour
		}
		if other, twice := seen[c]; twice {
			t.Errorf("%s and %s share a colour", name, other)
		}
		seen[c] = name
		if l := lightness(c); l > 90 {
			t.Errorf("%s has lightness %.0f, too close to white", name, l)
		}
	}
}

func TestLinearTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0, 10, "0 2 4 6 8 10"},
		{3.4, 4.1, "3.4 3.6 3.8 4.0"},
		{0, 2e6, "0 500k 1M 1.5M 2M"},
		{0, 50000, "0 10k 20k 30k 40k 50k"},
		{0, 0.001, "0.0000 0.0002 0.0004 0.0006 0.0008 0.0010"},
		{-1, 1, "-1.0 -0.5 0.0 0.5 1.0"},
	} {
		if got := labels(linearTicks(c.lo, c.hi, 5)); got != c.want {
			t.Errorf("linearTicks(%v, %v) = %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{8, 128, "10 20 30 50 100"},
		{1e-4, 1e-2, "0.0001 0.0002 0.0003 0.0005 0.001 0.002 0.003 0.005 0.01"},
		{1, 1e5, "1 10 100 1000 10k 100k"},
		{30, 60, "30 40 50 60"},
		{1e-7, 1e-3, "1e-07 1e-06 1e-05 0.0001 0.001"},
	} {
		if got := labels(logTicks(c.lo, c.hi)); got != c.want {
			t.Errorf("logTicks(%v, %v) = %s, want %s", c.lo, c.hi, got, c.want)
		}
	}
}

func labels(ticks []plot.Tick) string {
	var list []string
	for _, t := range ticks {
		if t.Label != "" {
			list = append(list, t.Label)
		}
	}
	return strings.Join(list, " ")
}

// TestTicksOfAnyRange checks what a reader relies on: ticks lie inside the
// range, ascend, and no two labels are equal.
func TestTicksOfAnyRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := math.Pow(10, rapid.Float64Range(-6, 9).Draw(t, "lo"))
		hi := lo * rapid.Float64Range(1.01, 1e4).Draw(t, "factor")
		for name, ticks := range map[string][]plot.Tick{"linear": linearTicks(lo, hi, 6), "log": logTicks(lo, hi)} {
			seen := map[string]bool{}
			labelled := 0
			for i, tick := range ticks {
				if tick.Value < lo*(1-1e-6) || tick.Value > hi*(1+1e-6) || i > 0 && tick.Value <= ticks[i-1].Value {
					t.Fatalf("%s ticks of [%g, %g]: %v", name, lo, hi, ticks)
				}
				if tick.Label != "" {
					labelled++
					if seen[tick.Label] {
						t.Fatalf("%s ticks of [%g, %g]: label %s twice", name, lo, hi, tick.Label)
					}
					seen[tick.Label] = true
				}
			}
			if labelled < 2 {
				t.Fatalf("%s ticks of [%g, %g]: %d labels", name, lo, hi, labelled)
			}
		}
	})
}

func TestWrapLosesNoWord(t *testing.T) {
	s := letters(tickSize, ink())
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,12}`), 1, 12).Draw(t, "words")
		limit := vg.Points(rapid.Float64Range(10, 200).Draw(t, "limit"))
		text := wrap(s, strings.Join(words, " "), limit)
		if strings.Join(strings.Fields(text), " ") != strings.Join(words, " ") {
			t.Fatalf("words changed: %q", text)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if s.Width(line) > limit && strings.Contains(line, " ") {
				t.Fatalf("line %q is wider than %v", line, limit)
			}
		}
	})
}

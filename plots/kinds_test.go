package plots

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"ranklab/harness/view"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample(t *testing.T, id string) view.Chart {
	t.Helper()
	list := charts(t)
	i := slices.IndexFunc(list, func(c view.Chart) bool { return c.Figure.ID == id })
	if i < 0 {
		t.Fatalf("there is no sample %q", id)
	}
	return list[i]
}

// The CSV of each kind of figure, as others read it.
func TestGoldenCSV(t *testing.T) {
	for _, id := range []string{"heat", "heat-log", "frontier", "facet-rank", "facet-frontier", "beyond", "raw-rank", "bars", "memory"} {
		data, err := CSV(sample(t, id))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "csv", id+".csv")
		if *update {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(data)); d != "" {
			t.Errorf("%s (-want +got):\n%s", path, d)
		}
	}
}

func TestPDFEmbedsTheLettersItUses(t *testing.T) {
	c := sample(t, "loss")
	c.Figure.Title = "α ≤ β · “quoted” – Δ"
	c.Warnings = []string{"a rune beyond the first plane: \U0001f600"}
	data, err := PDF(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte("%PDF-")) || !bytes.HasSuffix(bytes.TrimSpace(data), []byte("%%EOF")) {
		t.Error("not a whole PDF")
	}
	if n := bytes.Count(data, []byte("/FontFile2")); n != 2 { // regular and bold
		t.Errorf("%d typefaces are embedded, want 2", n)
	}
	if bytes.Contains(data, []byte("/Subtype /Type1")) {
		t.Error("a typeface is not embedded")
	}
	if len(data) > 150<<10 {
		t.Errorf("%d bytes: the typefaces are embedded whole", len(data))
	}
	if !bytes.Contains(data, []byte("D:20000101000000")) || bytes.Contains(data, []byte("/ID")) {
		t.Error("the document says when it was made")
	}
}

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "fig-x")
	c := sample(t, "bar")
	exts := func() []string {
		files, err := filepath.Glob(base + ".*")
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range files {
			files[i] = strings.TrimPrefix(filepath.Ext(f), ".")
		}
		return files
	}
	for _, want := range [][]string{{"csv", "pdf", "png", "svg"}, {"csv", "svg"}, {"csv", "pdf", "png"}} {
		if c.Figure.Formats = want[1:]; len(want) == 4 {
			c.Figure.Formats = nil
		}
		paths, err := Write(base, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := exts(); !slices.Equal(got, want) || len(paths) != len(want) {
			t.Errorf("formats %q: files %q, paths %q", c.Figure.Formats, got, paths)
		}
	}
}

// TestComparedIsDrawn: reference lines and published numbers are on the page
// and on the axes.
func TestComparedIsDrawn(t *testing.T) {
	nan := math.NaN()
	for _, id := range []string{"rank", "bar", "frontier", "loss"} {
		c := sample(t, id)
		far := 3 * c.Series[0].Points[0].Y
		at := c.Series[0].Points[0].X
		c.Lines = []view.Series{
			{Label: "chance", Points: []view.Point{{Y: far / 2, Lo: nan, Hi: nan}}},
			{Label: "rising", Points: []view.Point{{X: at, Y: far / 4, Lo: nan, Hi: nan}, {X: at + 1, Y: far / 3, Lo: nan, Hi: nan}}},
		}
		c.Overlays = []view.Series{{Label: "paper", Points: []view.Point{{X: at, Y: far, Lo: nan, Hi: nan}}}}
		svg, err := SVG(c)
		if err != nil {
			t.Fatal(err)
		}
		found := texts(t, svg)
		for _, label := range []string{"chance", "rising", "paper"} {
			if found[label] == 0 {
				t.Errorf("%s: %q is not in the legend", id, label)
			}
		}
		d, err := newDrawing(c)
		if err != nil {
			t.Fatal(err)
		}
		if y := d.panels[0].plot.Y; y.Max < far/d.scale {
			t.Errorf("%s: the axis ends at %v, below %v", id, y.Max, far/d.scale)
		}
		data, err := CSV(c)
		if err != nil || !strings.Contains(string(data), "\npaper,") || !strings.Contains(string(data), "\nchance,") {
			t.Errorf("%s: %v\n%s", id, err, data)
		}
	}
}

// TestColoursRise: along the colours of a heat map lightness only grows, so
// that they keep their order in grey, and numbers in cells can be read.
func TestColoursRise(t *testing.T) {
	last := -1.0
	for i := range 201 {
		c := shadeAt(float64(i) / 200)
		l := lightness(c)
		if l < last {
			t.Errorf("at %d/200 lightness falls from %v to %v", i, last, l)
		}
		last = l
		on := lightness(textOn(c))
		if math.Abs(l-on) < 42 {
			t.Errorf("at %d/200 a number of lightness %.0f stands on %.0f", i, on, l)
		}
	}
}

func TestThinLabelsDoNotTouch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a plot.Axis
		a.Tick.Label = letters(tickSize, ink())
		a.Scale = plot.LinearScale{}
		a.Min, a.Max = 0, 1
		var ticks []plot.Tick
		for range rapid.IntRange(1, 20).Draw(t, "ticks") {
			v := rapid.Float64Range(0, 1).Draw(t, "at")
			ticks = append(ticks, plot.Tick{Value: v, Label: view.Format(math.Round(1000*v) / 1000)})
		}
		a.Tick.Marker = plot.ConstantTicks(ticks)
		width := vg.Points(rapid.Float64Range(30, 500).Draw(t, "width"))
		thin(&a, width)
		left := a.Tick.Marker.Ticks(0, 1)
		labels := 0
		for i, x := range left {
			if x.Label == "" {
				continue
			}
			labels++
			for _, y := range left[:i] {
				apart := math.Abs(x.Value-y.Value) * float64(width)
				if need := float64(a.Tick.Label.Width(x.Label)+a.Tick.Label.Width(y.Label)) / 2; y.Label != "" && apart < need {
					t.Fatalf("%q and %q touch: %v apart, %v wide", x.Label, y.Label, apart, need)
				}
			}
		}
		if labels == 0 || len(left) != len(ticks) {
			t.Fatalf("%d labels on %d ticks", labels, len(left))
		}
	})
}

// TestPanelsAreAlike: all panels of a figure have the same ranges, and each
// series one look.
func TestPanelsAreAlike(t *testing.T) {
	for _, id := range []string{"facet-rank", "facet-bar", "facet-frontier", "facet-gap"} {
		c := sample(t, id)
		d, err := newDrawing(c)
		if err != nil {
			t.Fatal(err)
		}
		first := d.panels[0].plot
		for _, p := range d.panels {
			if p.plot.X.Min != first.X.Min || p.plot.X.Max != first.X.Max || p.plot.Y.Min != first.Y.Min || p.plot.Y.Max != first.Y.Max {
				t.Errorf("%s: panel %q has other ranges", id, p.name)
			}
		}
		seen := map[string]look{}
		for i, s := range c.Series {
			l := d.seriesLook(i)
			if other, ok := seen[s.Label]; ok && (other.place != l.place || other.colour != l.colour) {
				t.Errorf("%s: %s looks different in panel %q", id, s.Label, s.Panel)
			}
			seen[s.Label] = l
		}
		if n := len(d.legend.entries); n > len(seen)+3 {
			t.Errorf("%s: %d entries in the legend for %d series", id, n, len(seen))
		}
	}
}

// TestIntervalsBelowALogScale: an interval may reach below zero, where a log
// scale has no place. It is cut at the edge and does not stretch the axis.
func TestIntervalsBelowALogScale(t *testing.T) {
	c := sample(t, "rank")
	c.Figure.YScale = view.Log
	c.Series[0].Points[0].Lo = -5
	d, err := newDrawing(c)
	if err != nil {
		t.Fatal(err)
	}
	if y := d.panels[0].plot.Y; !(y.Min > 20) {
		t.Errorf("the axis starts at %v", y.Min)
	}
	// Nor does an end just above zero, or a very high one.
	c.Series[0].Points[0].Lo, c.Series[0].Points[0].Hi = 0.01, 1e6
	if d, err = newDrawing(c); err != nil {
		t.Fatal(err)
	}
	if y := d.panels[0].plot.Y; !(y.Min > 10 && y.Max < 100) || !slices.Contains(d.footnotes, beyondNote) {
		t.Errorf("the axis spans %v … %v, footnotes %q", y.Min, y.Max, d.footnotes)
	}
	if _, err := SVG(c); err != nil {
		t.Error(err)
	}
	c.Series[0].Points[0].Y = -5
	if _, err := SVG(c); err == nil || !strings.Contains(err.Error(), `figure "rank": galore: the value -5 cannot be placed`) {
		t.Errorf("a value below zero: %v", err)
	}
}

package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/memory"
)

// The sections of a difference, in order.
const (
	DiffSpec    = "spec"    // settings
	DiffData    = "data"    // digests of text, tokenizer and initial weights
	DiffEnv     = "env"     // program and machine
	DiffResults = "results" // what came out
	DiffMemory  = "memory"  // bytes
)

// DiffSections lists the sections in order.
func DiffSections() []string {
	return []string{DiffSpec, DiffData, DiffEnv, DiffResults, DiffMemory}
}

// A Difference is one thing that the records of two runs tell differently.
type Difference struct {
	Section string `json:"section"`
	Key     string `json:"key"`
	A       any    `json:"a"` // nil: absent
	B       any    `json:"b"`
	Note    string `json:"note,omitempty"` // what it means

	a, b string // as text; default: the values
}

// Differences compares two runs, finished or not, key by key. settings are the
// differences of their specs.
func Differences(a, b record.Run, settings []Difference) ([]Difference, error) {
	d := &differ{}
	for _, s := range settings {
		s.Section = DiffSpec
		d.list = append(d.list, s)
	}
	d.provenance(a, b)
	if err := d.results(a, b); err != nil {
		return nil, err
	}
	d.memory(a, b)
	return d.list, nil
}

// A differ collects what differs.
type differ struct {
	section string
	list    []Difference
}

// add notes two values, unless they are the same.
func (d *differ) add(key string, a, b any, note string) {
	if a != b {
		d.list = append(d.list, Difference{Section: d.section, Key: key, A: a, B: b, Note: note})
	}
}

// text is add for texts of which an empty one means absence.
func (d *differ) text(key, a, b, note string) {
	d.add(key, orNil(a), orNil(b), note)
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (d *differ) provenance(a, b record.Run) {
	var none record.Provenance
	p, q := cmp.Or(a.Provenance, &none), cmp.Or(b.Provenance, &none)
	d.section = DiffData
	d.text("text", p.CorpusDigest, q.CorpusDigest, "another text: other numbers")
	d.text("tokenizer", p.TokenizerDigest, q.TokenizerDigest, "other numbers; perplexities do not compare")
	d.text("initial weights", p.InitDigest, q.InitDigest, "other numbers")
	d.section = DiffEnv
	d.add("numerics_version", p.NumericsVersion, q.NumericsVersion, "the same settings give other numbers")
	d.text("revision", revisionText(p.Revision, p.Dirty), revisionText(q.Revision, q.Dirty), "")
	d.text("go_version", p.GoVersion, q.GoVersion, "")
	d.text("os", p.OS, q.OS, "")
	d.text("arch", p.Arch, q.Arch, "")
	d.text("goamd64", p.GOAMD64, q.GOAMD64, "")
	d.text("cpu", p.CPU.Model, q.CPU.Model, "")
	d.add("cores", p.CPU.Cores, q.CPU.Cores, "")
	d.sets("cpu features", p.CPU.Features, q.CPU.Features)
	versions := func(p *record.Provenance) map[string]string {
		m := map[string]string{}
		for _, mod := range p.Modules {
			m[mod.Path] = mod.Version
		}
		return m
	}
	before, after := versions(p), versions(q)
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, path := range slices.Sorted(maps.Keys(both)) {
		d.text("module "+path, before[path], after[path], "")
	}
	if s, t := a.Summary, b.Summary; s != nil && t != nil {
		d.add("threads", s.Threads, t.Threads, "times differ, results do not")
		d.add("starts", s.Attempts, t.Attempts, "")
	}
	d.text("host", p.Host, q.Host, "")
	d.text("command line", strings.Join(p.Argv, " "), strings.Join(q.Argv, " "), "")
}

// sets compares lists of which the order means nothing.
func (d *differ) sets(key string, a, b []string) {
	without := func(list, other []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) }), " ")
	}
	if onlyA, onlyB := without(a, b), without(b, a); onlyA != "" || onlyB != "" {
		d.text(key, onlyA, onlyB, "those that one of them has")
	}
}

func (d *differ) results(a, b record.Run) error {
	d.section = DiffResults
	d.text("state", stateText(a), stateText(b), "")
	if a.Summary != nil && b.Summary != nil {
		r, err := view.RowOf(a)
		if err != nil {
			return err
		}
		s, err := view.RowOf(b)
		if err != nil {
			return err
		}
		d.columns(r, s)
		d.text("digest of weights and states", a.Summary.StateDigest, b.Summary.StateDigest, "")
	}
	return d.rows(a, b)
}

// columns compares the results of finished runs, those of a comparison first. Bytes
// have a section of their own.
func (d *differ) columns(a, b view.Row) {
	names := compared()
	for _, name := range slices.Sorted(maps.Keys(a.Results)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		c := view.Describe(name)
		if c.Kind == view.Bytes || name == "threads" {
			continue
		}
		d.quantity(name, c, resultOf(a, c), resultOf(b, c))
	}
}

// quantity notes two numbers of a column; NaN is absence.
func (d *differ) quantity(key string, c view.Column, x, y float64) {
	if x == y || math.IsNaN(x) && math.IsNaN(y) {
		return
	}
	out := Difference{Section: d.section, Key: key, A: record.Float(x), B: record.Float(y), a: quantity(c, x), b: quantity(c, y)}
	if !math.IsNaN(x) && !math.IsNaN(y) {
		out.Note = strings.Trim(difference(c, x, y), " ()")
	}
	if c.Unit != "" {
		out.Key += " (" + c.Unit + ")"
	}
	d.list = append(d.list, out)
}

// rows finds the first row along the runs that differs.
func (d *differ) rows(a, b record.Run) error {
	x, err := a.Rows()
	if err != nil {
		return err
	}
	y, err := b.Rows()
	if err != nil {
		return err
	}
	n := 0
	for n < min(len(x), len(y)) && sameRow(x[n], y[n]) {
		n++
	}
	if n == len(x) && n == len(y) {
		return nil
	}
	describe := func(rows []record.Row) string {
		if n == len(rows) {
			return fmt.Sprintf("ends after %d rows", n)
		}
		text := fmt.Sprintf("%s after %d updates", rows[n].K, rows[n].Step)
		if loss := rows[n].Fields["loss"]; loss != nil {
			text += ", loss " + string(loss)
		}
		return text
	}
	note := fmt.Sprintf("the first %d rows of metrics.jsonl are the same", n)
	if n == 0 {
		note = "from the first row of metrics.jsonl on"
	}
	d.list = append(d.list, Difference{Section: d.section, Key: "first row that differs", A: describe(x), B: describe(y), Note: note})
	return nil
}

func sameRow(a, b record.Row) bool {
	return maps.EqualFunc(a.Fields, b.Fields, func(x, y json.RawMessage) bool { return string(x) == string(y) })
}

func (d *differ) memory(a, b record.Run) {
	d.section = DiffMemory
	bytes := view.Column{Kind: view.Bytes, Unit: "MiB"}
	add := func(key string, x, y int64) { d.quantity(key, bytes, orAbsent(x), orAbsent(y)) }
	var none record.Memory
	m, n := cmp.Or(a.Memory, &none), cmp.Or(b.Memory, &none)
	var sum, other int64
	for _, c := range memory.Categories() {
		add(view.CategoryName(string(c)), m.Registered[c], n.Registered[c])
		sum, other = sum+m.Registered[c], other+n.Registered[c]
	}
	add("sum", sum, other)
	if m.ExactBF16 != nil && n.ExactBF16 != nil {
		add("weights and states, exact bf16", m.ExactBF16.Weights+m.ExactBF16.States, n.ExactBF16.Weights+n.ExactBF16.States)
	}
	if m.Paper != nil && n.Paper != nil {
		add("weights and states, paper", m.Paper.Weights+m.Paper.States, n.Paper.Weights+n.Paper.States)
	}
	if a.Summary != nil && b.Summary != nil {
		add("measured peak", a.Summary.PeakBytes, b.Summary.PeakBytes)
	}
}

// orAbsent turns bytes that there are not into NaN.
func orAbsent(n int64) float64 {
	if n == 0 {
		return math.NaN()
	}
	return float64(n)
}

// WriteDifferences writes what differs between two runs as Text or JSON. only
// names the sections that were asked for; all if it is empty.
func WriteDifferences(w io.Writer, a, b record.Run, list []Difference, only []string, format string) error {
	format, err := checkFormat(format, Text, JSON)
	if err != nil {
		return err
	}
	list = ofSections(list, only)
	if format == JSON {
		return writeJSON(w, struct {
			A           comparedRun  `json:"a"`
			B           comparedRun  `json:"b"`
			Differences []Difference `json:"differences"`
		}{headOf(a), headOf(b), list})
	}
	var out strings.Builder
	fmt.Fprintf(&out, "a  %s\nb  %s\n", headOf(a), headOf(b))
	if len(list) == 0 {
		out.WriteString("nothing differs" + ofWhat(only) + "\n")
	}
	writeSections(&out, list, "")
	_, err = io.WriteString(w, out.String())
	return err
}

func ofWhat(only []string) string {
	if len(only) == 0 {
		return ""
	}
	return " in " + strings.Join(only, ", ")
}

func ofSections(list []Difference, only []string) []Difference {
	out := []Difference{}
	for _, d := range list {
		if len(only) == 0 || slices.Contains(only, d.Section) {
			out = append(out, d)
		}
	}
	return out
}

// writeSections writes differences under the names of their sections.
func writeSections(out *strings.Builder, list []Difference, indent string) {
	for _, section := range DiffSections() {
		of := ofSections(list, []string{section})
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s%s\n", indent, section)
		key, change := 0, 0
		for _, d := range of {
			key, change = max(key, width(d.Key)), max(change, min(width(d.change()), 40))
		}
		for _, d := range of {
			text := fmt.Sprintf("%s  %s  %s  %s", indent, padded(d.Key, key), padded(d.change(), change), d.Note)
			out.WriteString(strings.TrimRight(printable(text), " ") + "\n")
		}
	}
}

func width(s string) int { return len([]rune(s)) }

func padded(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }

// change writes "480 → 960". Digests are cut.
func (d Difference) change() string {
	a, b := d.a, d.b
	if a == "" && b == "" {
		a, b = d.value(d.A), d.value(d.B)
	}
	return a + " → " + b
}

func (d Difference) value(v any) string {
	text := strings.ReplaceAll(view.Format(v), "\n", "; ")
	if len(text) == 64 && strings.Trim(text, "0123456789abcdef") == "" {
		return text[:12] + "…"
	}
	return text
}

func headOf(r record.Run) comparedRun {
	c := comparedRun{ID: record.ShortID(r.ID), State: r.State()}
	if len(r.Origins) > 0 {
		c.Label, c.Method = r.Origins[0].Name(), r.Origins[0].Variant
	}
	return c
}

func (c comparedRun) String() string {
	return printable(strings.TrimSpace(fmt.Sprintf("%s  %s  (%s)", c.ID, c.Label, c.State)))
}

package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"unicode"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

//go:embed html.tmpl
var htmlTemplate string

//go:embed html.css
var htmlStyle string

// WriteHTML writes the report of an experiment as one page that needs nothing
// else: style and figures are inside, there is no script, and its policy forbids
// every request. It holds what was asked, what came out, and all that a reader
// needs to believe it or not: figures, tables, claims, memory, settings,
// provenance and every run with its curve. runs are the stored ones; those of
// the sweep that have no result yet are shown as they stand.
//
// The same records give the same bytes: the page holds no date. It is well-formed
// XML too. A figure or a table that cannot be made is reported in its place.
func WriteHTML(w io.Writer, s record.Sweep, runs []record.Run) error {
	declared, err := view.Declared(s)
	if err != nil {
		return err
	}
	e, err := newHTMLSource(s, declared, runs)
	if err != nil {
		return err
	}
	page := e.page()
	t, err := template.New("report").Parse(htmlTemplate)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "report", page); err != nil {
		return err
	}
	_, err = w.Write(visible(b.Bytes()))
	return err
}

// policy allows what the page holds and nothing else: its one style, told by its
// digest, and pictures inside figures.
func policy(style string) string {
	sum := sha256.Sum256([]byte(style))
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'", base64.StdEncoding.EncodeToString(sum[:]))
}

// visible replaces characters that change how others are shown, such as those
// that turn the direction of writing. Labels come from files that anybody may
// have written.
func visible(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf) || r == unicode.ReplacementChar || r >= 0xfffe && r&0xfffe == 0xfffe {
			return '·'
		}
		return r
	}, page)
}

// htmlSource is what a page is made from.
type htmlSource struct {
	sweep    record.Sweep
	declared view.Declarations
	entries  []htmlEntry
	rows     []view.Row // of the finished runs
	pending  int        // runs without a result
	seeds    []int

	trialRows     []view.Row // of the finished trials of learning rates
	pendingTrials int
}

// An htmlEntry is one run of the sweep with what is stored of it.
type htmlEntry struct {
	record.SweepRun
	run      record.Run     // only an id where nothing is stored
	settings map[string]any // flat
	metrics  record.Metrics
	name     string // as people call it, seed included where there are several
	anchor   string // of its place in the page
}

func newHTMLSource(s record.Sweep, declared view.Declarations, runs []record.Run) (*htmlSource, error) {
	h := &htmlSource{sweep: s, declared: declared}
	var pending []record.SweepRun
	h.rows, pending = view.Rows(s, runs)
	h.pending = len(pending)
	h.trialRows, pending = view.Trials(s, runs)
	h.pendingTrials = len(pending)
	for _, sr := range s.Reported() {
		if !slices.Contains(h.seeds, sr.Seed) {
			h.seeds = append(h.seeds, sr.Seed)
		}
	}
	for _, sr := range s.Reported() {
		e, err := h.entry(sr, runs)
		if err != nil {
			return nil, err
		}
		h.entries = append(h.entries, e)
	}
	return h, nil
}

// entry collects what is stored of a run.
func (h *htmlSource) entry(sr record.SweepRun, runs []record.Run) (htmlEntry, error) {
	e := htmlEntry{SweepRun: sr, name: sr.Label, anchor: slug("run-" + record.ShortID(sr.ID)), settings: map[string]any{}}
	if e.name == "" {
		e.name = sr.Variant
	}
	if len(h.seeds) > 1 {
		e.name += fmt.Sprintf(", seed %d", sr.Seed)
	}
	r, err := record.Find(runs, sr.ID)
	if err != nil {
		r = record.Run{ID: sr.ID} // planned
	}
	e.run = r
	if e.metrics, err = r.Metrics(); err != nil {
		if r.Finished() {
			return e, err
		}
		e.run.Problem = err
	}
	if i := slices.IndexFunc(h.rows, func(row view.Row) bool { return row.ID == r.ID }); i >= 0 {
		e.settings = h.rows[i].Settings
		return e, nil
	}
	o, ok := r.Origin(h.sweep.Experiment)
	if !ok && len(r.Origins) > 0 {
		o = r.Origins[0]
	}
	for _, from := range []map[string]any{o.Settings, sr.Axes} {
		for name, v := range from {
			e.settings[name] = v
		}
	}
	return e, nil
}

// slug turns a text into the name of a place in the page.
func slug(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
}

// links leads from the ids of runs to their places in the page. Ids are short as
// long as they differ.
func (h *htmlSource) links(ids []string) []htmlLink {
	var list []htmlLink
	for _, id := range ids {
		i := slices.IndexFunc(h.entries, func(e htmlEntry) bool { return record.ShortID(e.ID) == record.ShortID(id) })
		if i >= 0 {
			list = append(list, htmlLink{Text: h.tag(h.entries[i]), To: h.entries[i].anchor})
		}
	}
	return list
}

// tag is the shortest beginning of a run's id, of four digits or more, that no
// other run of the sweep has.
func (h *htmlSource) tag(e htmlEntry) string {
	id := record.ShortID(e.ID)
	for n := min(4, len(id)); n < len(id); n++ {
		if !slices.ContainsFunc(h.entries, func(o htmlEntry) bool { return o.ID != e.ID && strings.HasPrefix(o.ID, id[:n]) }) {
			return id[:n]
		}
	}
	return id
}

package report

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/record"
)

// provenance says what made the runs. A value that all share stands once; where
// they differ, each stands with its runs.
func (h *htmlSource) provenance() *htmlTable {
	with := h.begun()
	if len(with) == 0 {
		return nil
	}
	t := &htmlTable{ID: "provenance-program", Caption: "Program, machine and data", Header: headerOf(3, "what", "value", "runs")}
	for _, item := range provenanceItems() {
		var values []string
		for _, e := range with {
			values = append(values, item.of(e))
		}
		distinct := unique(values)
		for i, v := range distinct {
			if v == "" {
				continue
			}
			row := htmlRow{Cells: []htmlCell{{Text: item.name, Class: "whole"}, longCell(v), textCell("all")}}
			if i > 0 {
				row.Cells[0].Text = ""
			}
			if len(distinct) > 1 {
				var of []htmlEntry
				for j, e := range with {
					if values[j] == v {
						of = append(of, e)
					}
				}
				row.Cells[2] = htmlCell{Links: h.links(ids(of))}
			} else if len(with) < len(h.entries) {
				row.Cells[2].Text = fmt.Sprintf("all %d that have begun", len(with))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// begun lists the runs of which a program has noted what it is.
func (h *htmlSource) begun() []htmlEntry {
	return slices.DeleteFunc(slices.Clone(h.entries), func(e htmlEntry) bool { return e.run.Provenance == nil })
}

// provenanceItems lists what a record tells of its making, as text.
func provenanceItems() []struct {
	name string
	of   func(e htmlEntry) string
} {
	type item = struct {
		name string
		of   func(e htmlEntry) string
	}
	from := func(name string, of func(p record.Provenance) string) item {
		return item{name, func(e htmlEntry) string { return of(*e.run.Provenance) }}
	}
	return []item{
		from("revision", func(p record.Provenance) string { return revisionText(p.Revision, p.Dirty) }),
		from("carried on by", func(p record.Provenance) string {
			var later []string
			for i, a := range p.Attempts {
				if i > 0 {
					later = append(later, carriedOn(a))
				}
			}
			return strings.Join(later, "; ")
		}),
		from("numerics version", func(p record.Provenance) string { return fmt.Sprint(p.NumericsVersion) }),
		from("Go", func(p record.Provenance) string {
			text := p.GoVersion + " " + p.OS + "/" + p.Arch
			if p.GOAMD64 != "" {
				text += " GOAMD64=" + p.GOAMD64
			}
			return text
		}),
		from("processor", func(p record.Provenance) string { return fmt.Sprintf("%s, %d cores", p.CPU.Model, p.CPU.Cores) }),
		from("vector instructions", func(p record.Provenance) string { return strings.Join(p.CPU.Features, " ") }),
		{"threads of a run", func(e htmlEntry) string {
			if e.run.Summary == nil || e.run.Summary.Threads == 0 {
				return ""
			}
			return fmt.Sprint(e.run.Summary.Threads)
		}},
		from("host", func(p record.Provenance) string { return p.Host }),
		from("command line", func(p record.Provenance) string { return strings.Join(p.Argv, " ") }),
		from("text (SHA-256)", func(p record.Provenance) string { return p.CorpusDigest }),
		from("tokenizer (SHA-256)", func(p record.Provenance) string { return p.TokenizerDigest }),
		from("initial weights (SHA-256)", func(p record.Provenance) string { return p.InitDigest }),
	}
}

// modules lists the Go modules that were compiled in; versions that differ between
// runs stand side by side.
func (h *htmlSource) modules() *htmlTable {
	versions := map[string][]string{}
	var paths []string
	for _, e := range h.begun() {
		for _, m := range e.run.Provenance.Modules {
			if versions[m.Path] == nil {
				paths = append(paths, m.Path)
			}
			versions[m.Path] = unique(append(versions[m.Path], m.Version))
		}
	}
	if len(paths) == 0 {
		return nil
	}
	slices.Sort(paths)
	t := &htmlTable{ID: "provenance-modules", Caption: "Go modules in the program", Header: headerOf(2, "module", "version")}
	for _, p := range paths {
		t.Rows = append(t.Rows, htmlRow{Cells: []htmlCell{codeCell(p), textCell(strings.Join(versions[p], ", "))}})
	}
	return t
}

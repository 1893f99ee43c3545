package report

import (
	"slices"
	"strings"

	"ranklab/harness/view"
)

// An htmlSettings is the section of settings: those that vary, by method, and the
// protocol that all runs share.
type htmlSettings struct {
	Varying *htmlTable
	Shared  []htmlFact
}

// settings compares the settings of all runs; nil if none are known.
func (h *htmlSource) settings() *htmlSettings {
	varying, shared := h.splitSettings()
	if len(varying)+len(shared) == 0 {
		return nil
	}
	out := &htmlSettings{}
	for _, name := range shared {
		out.Shared = append(out.Shared, htmlFact{name, h.values(name, "")[0]})
	}
	if len(varying) == 0 {
		return out
	}
	var methods []string
	for _, e := range h.entries {
		methods = append(methods, e.Variant)
	}
	methods = unique(methods)
	t := &htmlTable{ID: "settings-varying", Caption: "Settings that differ between runs, by method", Header: headerOf(2+len(methods), append([]string{"setting"}, methods...)...)}
	for _, name := range varying {
		row := htmlRow{Cells: []htmlCell{codeCell(name)}}
		for _, method := range methods {
			row.Cells = append(row.Cells, textCell(strings.Join(h.values(name, method), ", ")))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(h.seeds) > 1 {
		t.Notes = append(t.Notes, "besides these, every run is repeated with each seed")
	}
	out.Varying = t
	return out
}

// splitSettings lists the settings that differ between runs, and those that do
// not. Seeds and digests have places of their own.
func (h *htmlSource) splitSettings() (varying, shared []string) {
	var names []string
	for _, e := range h.entries {
		for name := range e.settings {
			if name != "seed" && !strings.HasPrefix(name, "seed.") && !strings.HasSuffix(name, "_digest") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if len(h.values(name, "")) > 1 {
			varying = append(varying, name)
		} else {
			shared = append(shared, name)
		}
	}
	// What makes a method the one that it is comes first.
	rank := func(name string) int { return slices.Index([]string{"lr", "optimizer", "kind"}, name) }
	slices.SortStableFunc(varying, func(a, b string) int { return rank(b) - rank(a) })
	return varying, shared
}

// values lists the different values of a setting among the runs of a method, or
// of all methods, numbers ascending. Runs of which no setting is known do not
// count.
func (h *htmlSource) values(name, method string) []string {
	var values []any
	for _, e := range h.entries {
		if len(e.settings) == 0 || method != "" && e.Variant != method {
			continue
		}
		if v := e.settings[name]; !slices.ContainsFunc(values, func(o any) bool { return view.Format(o) == view.Format(v) }) {
			values = append(values, v)
		}
	}
	slices.SortStableFunc(values, func(a, b any) int {
		x, isX := number64(a)
		y, isY := number64(b)
		switch {
		case isX && isY && x < y, isX && !isY:
			return -1
		case isX && isY && x > y, isY && !isX:
			return 1
		}
		return 0
	})
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = view.Format(v)
	}
	return unique(texts)
}

// number64 reads a number of a setting, which JSON and TOML give in several types.
func number64(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

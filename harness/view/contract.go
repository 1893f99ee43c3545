package view

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Contract names what the runs of a comparison have to share, so that their
// results differ by the methods alone.
type Contract struct {
	Same  []string       `toml:"same" json:"same"`             // quantities: those of [Quantities], or settings
	Where map[string]any `toml:"where" json:"where,omitempty"` // the runs that it binds, as in Figure; default: all
}

// A Breach is a quantity that the runs of a contract do not share, or of which
// nobody can say whether they do.
type Breach struct {
	Quantity string   `json:"quantity"`
	Text     string   `json:"text"` // what differs, between which runs
	IDs      []string `json:"ids"`  // short: those that differ from most, or that say nothing
	Unknown  bool     `json:"unknown,omitempty"`
}

// A Finding is what the runs say of one quantity of a contract.
type Finding struct {
	Quantity string   `json:"quantity"`
	Text     string   `json:"text"` // "same for all 15 runs", or what differs
	Breaches []Breach `json:"breaches,omitempty"`
}

// CheckContract returns what breaks the contract among finished runs; nothing if
// it holds.
func CheckContract(c Contract, rows []Row) []Breach {
	var breaches []Breach
	for _, f := range Examine(c, rows) {
		breaches = append(breaches, f.Breaches...)
	}
	return breaches
}

// Examine returns a finding for each quantity of a contract.
func Examine(c Contract, rows []Row) []Finding {
	bound, notes, err := filter(rows, c.Where)
	var findings []Finding
	for _, name := range c.Same {
		f := Finding{Quantity: name}
		if err != nil || len(bound) == 0 {
			f.Text = "no finished run is bound by it"
			if err != nil {
				f.Text += ": " + err.Error()
			}
			f.Breaches = []Breach{{Quantity: name, Text: f.Text, Unknown: true}}
		} else {
			f = examine(clauseOf(name), bound)
		}
		f.Text = strings.Join(append([]string{f.Text}, notes...), "; ")
		findings = append(findings, f)
	}
	return findings
}

// examine compares one quantity over runs: those of each seed with each other if
// a seed may change it, else all of them.
func examine(q clause, rows []Row) Finding {
	f := Finding{Quantity: q.name}
	sets := []group{{rows: rows}}
	if q.perSeed {
		sets = groupBy(rows, []string{"seed"})
	}
	var said, seen []string
	var silent []Row
	compared := 0
	for _, set := range sets {
		lead := ""
		if q.perSeed && len(sets) > 1 {
			lead = fmt.Sprintf("seed %d: ", set.rows[0].Seed)
		}
		known, unknown := q.split(set.rows)
		silent = append(silent, unknown...)
		compared += len(known)
		if len(known) == 0 {
			continue
		}
		parties, difference, remarks := q.compare(known)
		for _, remark := range remarks {
			if !slices.Contains(said, remark) {
				said = append(said, remark)
			}
		}
		if len(parties) > 1 {
			f.breach(lead+difference, minority(parties), false)
		}
		seen = append(seen, q.value(known[0]))
	}
	if len(silent) > 0 {
		f.breach(fmt.Sprintf("not recorded for %s (%s)", count(len(silent), "run"), namesOf(silent)), silent, true)
	}
	if compared == 0 && len(silent) == 0 {
		f.breach("no run has come far enough to compare it", rows, true)
	}
	if len(f.Breaches) > 0 {
		texts := make([]string, len(f.Breaches))
		for i, b := range f.Breaches {
			texts[i] = b.Text
		}
		f.Text = strings.Join(append(texts, said...), "; ")
		return f
	}
	f.Text = fmt.Sprintf("same for all %d runs", compared)
	if compared == 1 {
		f.Text = "only one run: nothing to compare with"
	}
	if q.perSeed && len(sets) > 1 {
		f.Text = fmt.Sprintf("same for all %d runs, seed by seed", compared)
		slices.Sort(seen)
		if len(slices.Compact(seen)) == 1 {
			f.Text = fmt.Sprintf("same for all %d runs, of every seed", compared)
		}
	}
	f.Text = strings.Join(append([]string{f.Text}, said...), "; ")
	return f
}

func (f *Finding) breach(text string, rows []Row, unknown bool) {
	b := Breach{Quantity: f.Quantity, Text: text, Unknown: unknown}
	for _, r := range rows {
		b.IDs = append(b.IDs, shortID(r.ID))
	}
	f.Breaches = append(f.Breaches, b)
}

// A party is a number of runs that agree.
type party struct {
	value string
	rows  []Row
}

// partition groups runs by a value, in order of first appearance.
func partition(rows []Row, value func(Row) string) []party {
	var parties []party
	for _, r := range rows {
		v := value(r)
		i := slices.IndexFunc(parties, func(p party) bool { return p.value == v })
		if i < 0 {
			i = len(parties)
			parties = append(parties, party{value: v})
		}
		parties[i].rows = append(parties[i].rows, r)
	}
	return parties
}

// minority returns the runs outside the largest party, the first of equals.
func minority(parties []party) []Row {
	largest := 0
	for i, p := range parties {
		if len(p.rows) > len(parties[largest].rows) {
			largest = i
		}
	}
	var rows []Row
	for i, p := range parties {
		if i != largest {
			rows = append(rows, p.rows...)
		}
	}
	return rows
}

// shownNames is how many names of runs a text lists.
const shownNames = 4

// namesOf lists the runs by label or method, each name once.
func namesOf(rows []Row) string {
	var names []string
	for _, r := range rows {
		name := r.Label
		if name == "" {
			name = r.Method
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > shownNames {
		names = append(names[:shownNames], "…")
	}
	return strings.Join(names, ", ")
}

// digests are shown by their first 8 digits, and compared in full.
var digests = regexp.MustCompile(`\b([0-9a-f]{8})[0-9a-f]{24,}\b`)

// sides describes parties by their values: "adamw, lora 0.1; galore 0.2".
func sides(parties []party) string {
	texts := make([]string, len(parties))
	for i, p := range parties {
		texts[i] = namesOf(p.rows) + ": " + digests.ReplaceAllString(p.value, "$1")
	}
	return strings.Join(texts, "; ")
}

// footnotes are the breaches that concern one of the runs.
func footnotes(breaches []Breach, ids []string) []string {
	var notes []string
	for _, b := range breaches {
		if slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(b.IDs, id) }) {
			notes = append(notes, "contract: "+b.Quantity+" "+verb(b)+b.Text)
		}
	}
	return notes
}

func verb(b Breach) string {
	if b.Unknown {
		return "is "
	}
	return "differs: "
}

// Quantities are the names that a contract knows beside settings.
func Quantities() []string { return slices.Sorted(maps.Keys(clauses())) }

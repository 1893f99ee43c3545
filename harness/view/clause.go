package view

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"ranklab/harness/record"
)

// A clause is one quantity that a contract compares.
type clause struct {
	name string
	// perSeed: a seed may change it, so that only runs of one seed have to share it.
	perSeed bool
	// recorded returns the value as the run recorded it, derived what its settings
	// make of it: in the same program, runs with the same derived value share the
	// quantity. Either is "" when there is none. Runs are compared by what all of
	// them have.
	recorded, derived func(Row) string
	// differ, if set, compares in place of the recorded values.
	differ func([]Row) (parties []party, difference string, remarks []string)
}

// clauses lists what a contract knows beside settings.
func clauses() map[string]clause {
	settings := func(names ...string) func(Row) string {
		return func(r Row) string { return settingsText(r, names...) }
	}
	result := func(name string) func(Row) string {
		return func(r Row) string {
			if v, ok := r.Results[name]; ok && !math.IsNaN(v) {
				return formatNumber(v)
			}
			return ""
		}
	}
	return map[string]clause{
		"init": {perSeed: true, differ: differInit, recorded: func(r Row) string {
			if r.Evidence == nil || len(r.Evidence.Init) == 0 {
				return ""
			}
			return initText(r)
		}},
		"data_order": {perSeed: true, differ: differOrder, recorded: func(r Row) string {
			if r.Evidence == nil || len(r.Evidence.Order.Prefixes) == 0 {
				return ""
			}
			return r.Evidence.Order.Prefixes[0].Digest
		}, derived: settings("corpus_digest", "tokenizer_digest", "packing", "max_length", "seed.data")},
		"eval_set": {recorded: func(r Row) string {
			if r.Evidence == nil || r.Evidence.Eval.Digest == "" {
				return ""
			}
			e := r.Evidence.Eval
			return fmt.Sprintf("%d targets in %d sequences (%s)", e.Targets, e.Sequences, e.Digest)
		}, derived: settings("corpus_digest", "tokenizer_digest", "packing", "max_length", "eval.tokens")},
		"tokens":    {perSeed: true, recorded: result("tokens_seen")},
		"positions": {recorded: result("positions")},
		"parameters": {recorded: func(r Row) string {
			if n := parameters(r); n > 0 {
				return formatNumber(n)
			}
			return ""
		}},
		"data":      {recorded: settings("corpus_digest")},
		"tokenizer": {recorded: settings("tokenizer_digest")},
		"schedule":  {recorded: settings("scheduler", "warmup_steps", "min_lr_ratio", "steps", "cycle_length", "restart_warmup_steps")},
	}
}

// clauseOf returns the quantity of a name: one of the list, else a setting.
func clauseOf(name string) clause {
	q, ok := clauses()[name]
	if !ok {
		q = clause{perSeed: isSeed(name), recorded: func(r Row) string {
			if v := r.Value(name); v != nil && v != "" {
				return Format(v)
			}
			return "none"
		}}
	}
	q.name = name
	return q
}

// settingsText joins settings to one value, "" when the first is missing.
// A setting that the run does not have is left out.
func settingsText(r Row, names ...string) string {
	if r.Value(names[0]) == nil {
		return ""
	}
	var parts []string
	for _, name := range names {
		v := r.Value(name)
		if v == nil {
			continue
		}
		text := Format(v)
		if len(names) > 1 {
			text = name + " " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// parameters returns the parameters of the dense model, 2Vd + L(4d² + 3df + 2d)
// + d, whatever a method adds or takes away; 0 if the record does not say.
func parameters(r Row) float64 {
	of := func(name string) float64 { v, _ := r.Value(name).(float64); return v }
	v, d, f, l := of("vocab_size"), of("hidden_size"), of("intermediate_size"), of("num_hidden_layers")
	if v == 0 || d == 0 || f == 0 || l == 0 {
		return 0
	}
	return 2*v*d + l*(4*d*d+3*d*f+2*d) + d
}

// split separates the runs that say what the quantity is from those that do not.
// A run that diverged has seen fewer tokens than it would have: that says nothing.
func (q clause) split(rows []Row) (known, unknown []Row) {
	for _, r := range rows {
		switch {
		case r.Diverged && (q.name == "tokens" || q.name == "positions"):
		case q.recorded(r) != "" || q.derived != nil && q.derived(r) != "":
			known = append(known, r)
		default:
			unknown = append(unknown, r)
		}
	}
	return known, unknown
}

// derives reports whether the runs have to be compared by what their settings
// say, since some have recorded nothing.
func (q clause) derives(rows []Row) bool {
	return slices.ContainsFunc(rows, func(r Row) bool { return q.recorded(r) == "" })
}

// value is what tells the seeds of a quantity apart.
func (q clause) value(r Row) string {
	if q.recorded(r) == "" {
		return q.derived(r)
	}
	return q.recorded(r)
}

// compare groups runs that agree. With more than one party, difference says what
// tells them apart.
func (q clause) compare(rows []Row) (parties []party, difference string, remarks []string) {
	switch {
	case q.derives(rows):
		parties = partition(rows, q.derived)
		old := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return q.recorded(r) != "" })
		which := "not recorded for " + namesOf(old)
		if len(old) == len(rows) {
			which = "not recorded"
		}
		remarks = []string{"derived from the digest of the data and the settings, since " + which}
	case q.differ != nil:
		return q.differ(rows)
	default:
		parties = partition(rows, q.recorded)
	}
	return parties, sides(parties), remarks
}

// initText stands for the initial weights of a run.
func initText(r Row) string {
	names := slices.Sorted(maps.Keys(r.Evidence.Init))
	return r.Evidence.Init[names[0]]
}

// differInit compares the initial weights tensor by tensor. A tensor that only
// some of the runs have is compared among those; what a method adds (adapters,
// factors) is its own.
func differInit(rows []Row) (parties []party, difference string, remarks []string) {
	having := make(map[string][]Row)
	for _, r := range rows {
		for name := range r.Evidence.Init {
			having[name] = append(having[name], r)
		}
	}
	parties = []party{{rows: rows}}
	differing, first := 0, ""
	for _, name := range slices.Sorted(maps.Keys(having)) {
		digests := partition(having[name], func(r Row) string { return r.Evidence.Init[name] })
		if len(digests) < 2 {
			continue
		}
		if differing++; differing == 1 {
			first, parties = name, digests
		}
	}
	if differing > 0 {
		difference = fmt.Sprintf("%d of %s, the first %s (%s)", differing, count(len(having), "tensor"), first, sides(parties))
	}
	for _, p := range partition(rows, func(r Row) string { return strconv.Itoa(len(having) - len(r.Evidence.Init)) }) {
		if p.value != "0" {
			remarks = append(remarks, fmt.Sprintf("%s of the model that %s has not", count(atoi(p.value), "tensor"), namesOf(p.rows)))
		}
	}
	for _, p := range partition(rows, func(r Row) string { return strconv.Itoa(len(r.Evidence.Own)) }) {
		if p.value != "0" {
			remarks = append(remarks, fmt.Sprintf("beside it %s of its own in %s", count(atoi(p.value), "tensor"), namesOf(p.rows)))
		}
	}
	return parties, difference, remarks
}

func atoi(digits string) int { n, _ := strconv.Atoi(digits); return n }

// differOrder compares the order of the data as far as the shortest run reads.
func differOrder(rows []Row) (parties []party, difference string, remarks []string) {
	shortest, longest := rows[0].Evidence.Order, rows[0].Evidence.Order
	for _, r := range rows {
		if o := r.Evidence.Order; o.Read < shortest.Read {
			shortest = o
		}
		if o := r.Evidence.Order; o.Read > longest.Read {
			longest = o
		}
	}
	// The longest prefix that every run has a digest of.
	prefixes := slices.Clone(shortest.Prefixes)
	for _, r := range rows {
		prefixes = slices.DeleteFunc(prefixes, func(p record.OrderDigest) bool { _, ok := r.Evidence.Order.Prefix(p.Sequences); return !ok })
	}
	if len(prefixes) == 0 {
		return partition(rows, func(r Row) string { return fmt.Sprintf("%d sequences", r.Evidence.Order.Read) }), "no common part of the order is recorded", nil
	}
	n := prefixes[len(prefixes)-1].Sequences
	parties = partition(rows, func(r Row) string {
		digest, _ := r.Evidence.Order.Prefix(n)
		return digest
	})
	if n < longest.Read {
		remarks = append(remarks, fmt.Sprintf("compared over the first %s of up to %d", count(int(n), "sequence"), longest.Read))
	}
	return parties, "over the first " + count(int(n), "sequence") + ": " + sides(parties), remarks
}

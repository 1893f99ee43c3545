package view

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"ranklab/harness/expr"
	"ranklab/harness/stats"
)

// Judge says of each claim whether the finished runs bear it out, in order.
//
// A comparison a < b is judged on d = a − b. Where both sides have noise, d is
// computed seed by seed, since a seed gives every method the same weights and the
// same data, and its mean gets a 95 % t interval; sides without a seed in common
// are compared as independent samples (Welch). The comparison passes when the
// whole interval lies on the side that is claimed, fails when none of it does, and
// is inconclusive otherwise, and with fewer than [stats.MinSeeds] seeds, as in a
// table. Bytes and settings have no noise and decide at once.
//
// A run that diverged has no perplexity. It never helps a claim: where one is
// missing a comparison is inconclusive, and where every seed of the side that is
// claimed to be smaller diverged, it fails.
//
// A claim that means nothing (it does not parse, or a selection mixes runs that
// differ in more than the seed) is inconclusive, and part of the error.
func Judge(claims []Claim, rows []Row) ([]Verdict, error) {
	verdicts := make([]Verdict, len(claims))
	var errs []error
	for i, c := range claims {
		j := judge{text: c.Expr, rows: rows, verdict: Verdict{Claim: c, Result: Inconclusive}}
		root, err := expr.Parse(c.Expr)
		if err == nil {
			j.verdict.Result = j.boolean(root)
			err = errors.Join(j.errs...)
		}
		if err != nil {
			j.verdict.Result = Inconclusive
			j.note("%v", err)
			errs = append(errs, fmt.Errorf("claim %q: %w", c.ID, err))
		}
		verdicts[i] = j.verdict
	}
	return verdicts, errors.Join(errs...)
}

// A judge evaluates one claim.
type judge struct {
	text    string
	rows    []Row
	verdict Verdict
	errs    []error
}

func (j *judge) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(j.verdict.Notes, text) {
		j.verdict.Notes = append(j.verdict.Notes, text)
	}
}

func (j *judge) boolean(n *expr.Node) string {
	switch n.Op {
	case expr.And, expr.Or:
		// Both sides are evaluated: a reader wants to see all comparisons.
		a, b := j.boolean(n.Args[0]), j.boolean(n.Args[1])
		if n.Op == expr.And {
			return and(a, b)
		}
		return or(a, b)
	case expr.Not:
		return not(j.boolean(n.Args[0]))
	}
	c := j.comparison(n)
	j.verdict.Comparisons = append(j.verdict.Comparisons, c)
	return c.Result
}

// comparison judges one comparison.
func (j *judge) comparison(n *expr.Node) Judgement {
	c := Judgement{Text: n.Span.Of(j.text), Estimate: missing, Lo: missing, Hi: missing, Result: Inconclusive, Unit: Measure}
	left, right := n.Args[0], n.Args[1]
	if a, b := unit(left), unit(right); a == Bytes && b != Measure || b == Bytes && a != Measure {
		c.Unit = Bytes
	}
	found := make(map[string]selected)
	usable := true
	n.Walk(func(node *expr.Node) {
		text := node.Span.Of(j.text)
		if _, seen := found[text]; node.Op != expr.Select || seen {
			return
		}
		s, err := j.selected(node)
		if onlyAbsent(err) {
			j.note("%s: %v", text, err)
		} else if err != nil {
			j.errs = append(j.errs, err)
		}
		usable = usable && err == nil
		found[text] = s
		c.Terms = append(c.Terms, s.term)
	})
	if !usable {
		return c
	}
	j.decide(&c, n.Op, j.side(left, found), j.side(right, found))
	return c
}

// A side is one side of a comparison: exact, or with a value for each of its
// seeds. A seed in which a run diverged has the value that follows from an
// infinite loss, or NaN.
type side struct {
	node   *expr.Node
	found  map[string]selected
	text   string
	exact  bool
	seeds  []int // those that every noisy selection of the side has
	broken []int // those in which one of them has no result, whatever others make of it
}

func (j *judge) side(n *expr.Node, found map[string]selected) side {
	s := side{node: n, found: found, text: j.text, exact: true}
	n.Walk(func(node *expr.Node) {
		if node.Op != expr.Select {
			return
		}
		sel := found[node.Span.Of(j.text)]
		if sel.term.Exact {
			return
		}
		for _, seed := range sel.seeds() {
			if v := sel.bySeed[seed]; (math.IsNaN(v) || math.IsInf(v, 0)) && !slices.Contains(s.broken, seed) {
				s.broken = append(s.broken, seed)
			}
		}
		if s.exact {
			s.exact, s.seeds = false, sel.seeds()
			return
		}
		s.seeds = common(s.seeds, sel.seeds())
	})
	return s
}

// common returns the seeds that both lists have.
func common(a, b []int) []int {
	return slices.DeleteFunc(slices.Clone(a), func(seed int) bool { return !slices.Contains(b, seed) })
}

// at evaluates the side for one seed.
func (s side) at(seed int) float64 { return s.value(s.node, seed) }

func (s side) value(n *expr.Node, seed int) float64 {
	switch n.Op {
	case expr.Number:
		return n.Value
	case expr.Select:
		sel := s.found[n.Span.Of(s.text)]
		if sel.term.Exact {
			return sel.term.Mean.Value
		}
		return sel.bySeed[seed]
	case expr.Negate:
		return -s.value(n.Args[0], seed)
	}
	v := s.value(n.Args[0], seed)
	for _, arg := range n.Args[1:] {
		switch w := s.value(arg, seed); n.Op {
		case expr.Add:
			v += w
		case expr.Subtract:
			v -= w
		case expr.Multiply:
			v *= w
		case expr.Divide:
			v /= w
		case expr.Min:
			v = min(v, w)
		case expr.Max:
			v = max(v, w)
		}
	}
	return v
}

// decide fills in the estimate and the result of a comparison.
func (j *judge) decide(c *Judgement, op expr.Op, left, right side) {
	for _, s := range []side{left, right} {
		if !s.exact && len(s.seeds) == 0 {
			j.note("%s: its selections have no seed in common", s.node.Span.Of(j.text))
			return
		}
	}
	if left.exact && right.exact {
		d := left.at(0) - right.at(0)
		if math.IsNaN(d) || math.IsInf(d, 0) {
			j.note("%s: the difference of its sides is no number", c.Text)
			return
		}
		c.Exact, c.Estimate, c.Lo, c.Hi = true, d, d, d
		c.Result = judgeInterval(op, d, d)
		return
	}
	seeds := left.seeds
	switch {
	case left.exact:
		seeds = right.seeds
	case !right.exact:
		seeds, c.Paired = common(left.seeds, right.seeds), true
		if len(seeds) < stats.MinSeeds && min(len(left.seeds), len(right.seeds)) >= stats.MinSeeds {
			c.Paired = false
			j.unpaired(c, op, left, right)
			return
		}
		if len(seeds) == 0 {
			j.note("%s: the sides have no seed in common, and too few for a comparison without pairs", c.Text)
			return
		}
		if n := len(left.seeds) + len(right.seeds) - 2*len(seeds); n > 0 {
			j.note("%s: %s without a partner on the other side left out", c.Text, count(n, "seed"))
		}
	}
	// A run that diverged never helps: not in a quotient, which makes 0 of it, not
	// where min or max passes over it, and not in a seed without a partner.
	broken := slices.Concat(left.broken, right.broken)
	var differences []float64
	against := 0
	for _, seed := range seeds {
		d := left.at(seed) - right.at(seed)
		switch {
		case isAgainst(op, d):
			against++
		case !slices.Contains(broken, seed) && !math.IsNaN(d) && !math.IsInf(d, 0):
			differences = append(differences, d)
		}
	}
	of := len(seeds)
	for i, seed := range broken {
		if !slices.Contains(seeds, seed) && !slices.Contains(broken[:i], seed) {
			of++
		}
	}
	m := stats.Of(differences)
	c.Estimate, c.Lo, c.Hi, c.Seeds = m.Value, m.Lo, m.Hi, m.N
	switch {
	case against == len(seeds) && against >= stats.MinSeeds:
		c.Result = Fail
		j.note("%s: it diverged in all %d seeds, which counts as a loss without bound", c.Text, against)
	case m.N < of:
		j.note("%s: a run without a result in %d of %s, so the others cannot decide", c.Text, of-m.N, count(of, "seed"))
	case m.N < stats.MinSeeds:
		j.note("%s: %s", c.Text, stats.TooFewSeeds(m.N).Text)
	default:
		c.Result = judgeInterval(op, m.Lo, m.Hi)
	}
}

// unpaired compares sides of different seeds as independent samples.
func (j *judge) unpaired(c *Judgement, op expr.Op, left, right side) {
	values := func(s side) (list []float64) {
		for _, seed := range s.seeds {
			if v := s.at(seed); !slices.Contains(s.broken, seed) && !math.IsNaN(v) && !math.IsInf(v, 0) {
				list = append(list, v)
			}
		}
		return list
	}
	a, b := values(left), values(right)
	d := stats.Welch(a, b)
	c.Estimate, c.Lo, c.Hi = d.Estimate, d.Lo, d.Hi
	j.note("%s: the sides have different seeds, so they are compared without pairs (Welch)", c.Text)
	if len(a) < len(left.seeds) || len(b) < len(right.seeds) || len(left.broken)+len(right.broken) > 0 {
		j.note("%s: a run without a result, so the others cannot decide", c.Text)
		return
	}
	c.Result = judgeInterval(op, d.Lo, d.Hi)
}

// judgeInterval says whether all or none of an interval of left − right bears
// the comparison out.
func judgeInterval(op expr.Op, lo, hi float64) string {
	switch op {
	case expr.Greater, expr.GreaterEqual: // a > b as b < a
		lo, hi = -hi, -lo
	}
	strict := op == expr.Less || op == expr.Greater
	switch {
	case hi < 0 || hi == 0 && !strict:
		return Pass
	case lo > 0 || lo == 0 && strict:
		return Fail
	}
	return Inconclusive
}

// isAgainst reports whether an infinite difference contradicts the comparison.
func isAgainst(op expr.Op, d float64) bool {
	if op == expr.Greater || op == expr.GreaterEqual {
		return math.IsInf(d, -1)
	}
	return math.IsInf(d, 1)
}

// unit returns Bytes for an expression in bytes, Plain for a pure number, and
// Measure for everything else.
func unit(n *expr.Node) Quantity {
	switch n.Op {
	case expr.Number:
		return Plain
	case expr.Select:
		switch c := Describe(n.Column); {
		case c.Kind == Bytes:
			return Bytes
		case !c.Metric:
			return Plain
		}
		return Measure
	}
	u := unit(n.Args[0])
	for _, arg := range n.Args[1:] {
		w := unit(arg)
		switch {
		case n.Op == expr.Divide && u == w:
			u = Plain
		case n.Op == expr.Divide && w == Plain:
		case n.Op == expr.Multiply && w == Plain:
		case n.Op == expr.Multiply && u == Plain:
			u = w
		case u != w && (n.Op == expr.Multiply || n.Op == expr.Divide || u != Plain && w != Plain):
			u = Measure
		case u == Plain:
			u = w
		}
	}
	return u
}

// count writes a number of things: "1 seed", "3 seeds".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// selectionName writes a selection for an error, with a filter added.
func selectionName(n *expr.Node, text, filter string) string {
	return strings.TrimSuffix(n.Span.Of(text), "]") + ", " + filter + "]"
}

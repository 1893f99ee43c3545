package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/tensor"
)

// A Difference is the first place where two records differ.
type Difference struct {
	Step   int    `json:"step,omitempty"` // updates applied; 0: before the first
	What   string `json:"what"`           // "loss of a train row"
	Stored string `json:"stored"`
	Again  string `json:"again"`
	// Tensors are the weights and states that differ after DigestStep updates, the
	// first of the digests that is not equal; none if no digest tells.
	Tensors    []string `json:"tensors,omitempty"`
	DigestStep int      `json:"digest_step,omitempty"`
}

// A comparison holds the stored rows and how far they have been found equal.
type comparison struct {
	rows     []record.Row
	digests  []record.DigestRow
	subspace []record.Row
	from     int // updates whose rows were copied and prove nothing
	until    int
	whole    bool // the stored run has a result

	nextRow, nextDigest, nextSubspace      int
	equalRows, equalDigests, equalSubspace int
	difference                             *Difference
	unequal                                []int // indices of the tensors that differ in the digest row at DigestStep
}

// load reads the record that is to be confirmed.
func load(o Options) (*comparison, error) {
	rows, err := o.Run.Rows()
	if err != nil {
		return nil, err
	}
	digests, err := o.Run.Digests()
	if err != nil {
		return nil, err
	}
	subspace, err := o.Run.SubspaceFields()
	if err != nil {
		return nil, err
	}
	c := &comparison{from: o.From, whole: o.Run.Finished()}
	switch {
	case len(rows) == 0:
		return nil, fmt.Errorf("run %s has no rows yet: there is nothing to confirm", record.ShortID(o.Run.ID))
	case c.whole:
		c.until = o.Run.Summary.Steps
	default:
		c.until = rows[len(rows)-1].Step
	}
	if o.Steps > 0 && o.Steps < c.until {
		c.until, c.whole = o.Steps, false
	}
	if o.From >= c.until {
		return nil, fmt.Errorf("nothing to confirm after update %d: the record of run %s is compared up to update %d", o.From, record.ShortID(o.Run.ID), c.until)
	}
	c.rows = slices.DeleteFunc(rows, func(r record.Row) bool { return r.Step > c.until })
	c.digests = slices.DeleteFunc(digests, func(r record.DigestRow) bool { return r.Step > c.until })
	c.subspace = slices.DeleteFunc(subspace, func(r record.Row) bool { return r.Step > c.until })
	return c, nil
}

// look compares what the run in dir has written since the last look.
func (c *comparison) look(dir string) error {
	run, err := record.Read(dir)
	if err != nil {
		return err
	}
	rows, err := run.Rows()
	if err != nil {
		return err
	}
	digests, err := run.Digests()
	if err != nil {
		return err
	}
	subspace, err := run.SubspaceFields()
	if err != nil {
		return err
	}
	for c.difference == nil && c.nextRow < min(len(rows), len(c.rows)) {
		stored, again := c.rows[c.nextRow], rows[c.nextRow]
		c.nextRow++
		if c.difference = compareRows(stored, again); c.difference == nil && stored.Step > c.from {
			c.equalRows++
		}
	}
	for c.unequal == nil && c.nextDigest < min(len(digests), len(c.digests)) {
		stored, again := c.digests[c.nextDigest], digests[c.nextDigest]
		c.nextDigest++
		c.compareDigests(stored, again)
	}
	for c.difference == nil && c.nextSubspace < min(len(subspace), len(c.subspace)) {
		stored, again := c.subspace[c.nextSubspace], subspace[c.nextSubspace]
		c.nextSubspace++
		if c.difference = compareRows(stored, again); c.difference == nil && stored.Step > c.from {
			c.equalSubspace++
		}
	}
	return nil
}

// settled reports whether nothing more can be learnt of the difference.
func (c *comparison) settled() bool {
	if c.difference == nil {
		return false
	}
	later := slices.ContainsFunc(c.digests[c.nextDigest:], func(r record.DigestRow) bool { return r.Step >= c.difference.Step })
	return c.unequal != nil || !later
}

// end reports stored rows that the run has not given when it ended.
func (c *comparison) end() {
	if c.difference == nil && c.nextRow < len(c.rows) {
		r := c.rows[c.nextRow]
		c.difference = &Difference{Step: r.Step, What: r.K + " row", Stored: "there", Again: "missing"}
	}
	if c.difference == nil && c.nextDigest < len(c.digests) {
		c.difference = &Difference{Step: c.digests[c.nextDigest].Step, What: "digests", Stored: "there", Again: "missing"}
	}
	if c.difference == nil && c.nextSubspace < len(c.subspace) {
		c.difference = &Difference{Step: c.subspace[c.nextSubspace].Step, What: "row of subspaces", Stored: "there", Again: "missing"}
	}
}

// compareRows returns the first field of a stored row that the other row does
// not have in the same digits. A row may hold more than it did once.
func compareRows(stored, again record.Row) *Difference {
	for _, name := range slices.SortedFunc(maps.Keys(stored.Fields), tellingFirst) {
		if value := again.Fields[name]; !bytes.Equal(stored.Fields[name], value) {
			return &Difference{Step: stored.Step, What: name + " of " + article(stored.K) + " row", Stored: string(stored.Fields[name]), Again: cmp.Or(string(value), "missing")}
		}
	}
	return nil
}

// tellingFirst orders fields: what tells most of a difference stands first.
func tellingFirst(a, b string) int {
	order := []string{"k", "step", "loss", "grad_norm"}
	place := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

func article(kind string) string {
	if kind == "eval" || kind == "event" {
		return "an " + kind
	}
	return "a " + kind
}

// compareDigests notes which tensors differ. Equal digests before a difference
// of rows do not explain it.
func (c *comparison) compareDigests(stored, again record.DigestRow) {
	if stored.Step == again.Step && stored.Weights == again.Weights && stored.State == again.State {
		if stored.Step > c.from {
			c.equalDigests++
		}
		return
	}
	c.unequal = []int{}
	for i, digest := range stored.Tensors {
		if i >= len(again.Tensors) || again.Tensors[i] != digest {
			c.unequal = append(c.unequal, i)
		}
	}
	// A row of an earlier update says more than digests of a later one.
	if c.difference == nil || stored.Step < c.difference.Step {
		what, was, is := "weights", stored.Weights, again.Weights
		if was == is {
			what, was, is = "state", stored.State, again.State
		}
		c.difference = &Difference{Step: stored.Step, What: "digest of the " + what, Stored: was, Again: is}
	}
	c.difference.DigestStep = stored.Step
}

// name puts names to the tensors that differ.
func (c *comparison) name(s spec.Run) error {
	if len(c.unequal) == 0 {
		return nil
	}
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	names, err := train.TensorNames(s, device, c.difference.DigestStep)
	if err != nil {
		return err
	}
	for _, i := range c.unequal {
		if i < len(names) {
			c.difference.Tensors = append(c.difference.Tensors, names[i])
		}
	}
	return nil
}

// compareSummaries compares the results of two finished runs.
func compareSummaries(stored, again *record.Summary) *Difference {
	if again == nil {
		return &Difference{Step: stored.Steps, What: "result", Stored: stored.State, Again: "none"}
	}
	for _, field := range []struct{ what, stored, again string }{
		{"outcome", stored.State, again.State},
		{"reason", stored.Reason, again.Reason},
		{"number of updates", fmt.Sprint(stored.Steps), fmt.Sprint(again.Steps)},
		{"digest of all weights and states", stored.StateDigest, again.StateDigest},
		{"final evaluation", fmt.Sprintf("%+v", stored.Final), fmt.Sprintf("%+v", again.Final)},
		{"best evaluation", fmt.Sprintf("%+v", stored.Best), fmt.Sprintf("%+v", again.Best)},
		{"evaluation on the selection set", evaluation(stored.Select), evaluation(again.Select)},
		{"tokens_seen", fmt.Sprint(stored.TokensSeen), fmt.Sprint(again.TokensSeen)},
	} {
		if field.stored != field.again {
			return &Difference{Step: stored.Steps, What: field.what, Stored: field.stored, Again: field.again}
		}
	}
	return nil
}

// evaluation writes an evaluation that a run may not have.
func evaluation(row *record.EvalRow) string {
	if row == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *row)
}

// String says in one line what differs.
func (d *Difference) String() string {
	at := fmt.Sprintf("update %d: ", d.Step)
	if d.Step == 0 {
		at = ""
	}
	s := fmt.Sprintf("%s%s was %s, is %s", at, d.What, d.Stored, d.Again)
	if n := len(d.Tensors); n > 0 {
		s += fmt.Sprintf("; after update %d %s", d.DigestStep, d.Tensors[0])
		if n > 1 {
			s += fmt.Sprintf(" and %d other tensors differ", n-1)
		} else {
			s += " differs"
		}
	}
	return s
}

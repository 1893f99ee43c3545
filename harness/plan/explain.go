package plan

import (
	"context"
	"fmt"
	"slices"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
)

// An Explanation says what a sweep would do with a run, and why.
type Explanation struct {
	Instance  spec.Instance
	ID        string // run_id; "" when the data is not at hand
	NumbersID string
	Digests   spec.Digests // of its data
	Action    string       // as of an [Item]
	Reason    string
	Step      int      // updates already applied
	Dir       string   // folder of the stored run, if there is one
	Nearest   *Nearest // of a run that is not stored: the stored one that differs least
}

// A Nearest is a stored run, with what makes another run differ from it.
type Nearest struct {
	Run record.Run
	// Changes lead from the stored run to the other. Those in no id are left out.
	Changes []spec.Change
	// Data lists digests that differ: "text", "tokenizer", "initial weights".
	Data []spec.Change
	// Numerics is the version that the stored run was made with, where it is not
	// this program's; else 0.
	Numerics int
}

// distance counts what differs.
func (n Nearest) distance() int {
	d := len(n.Changes) + len(n.Data)
	if n.Numerics != 0 {
		d++
	}
	return d
}

// Explain says of every run of an experiment what a sweep would do with it. It
// needs the corpora for the ids, as [Make] does, and times nothing.
func Explain(ctx context.Context, e *spec.Experiment, o Options) (list []Explanation, notes []string, err error) {
	all, err := record.List(o.Results)
	if err != nil {
		return nil, nil, err
	}
	own := slices.DeleteFunc(slices.Clone(all), func(r record.Run) bool { return r.Reference && !o.Reference })
	p := &Plan{Experiment: e, Notes: slices.Clone(e.Notes)}
	defer p.Close()
	known, unread := describe(all)
	for _, text := range unread {
		p.note(text)
	}
	sets, weights := map[string]*corpus.Set{}, map[string]string{}
	for _, inst := range e.Runs {
		set, err := corpusOf(ctx, inst.Run, o, sets, p)
		if err != nil {
			return nil, nil, err
		}
		x := Explanation{Instance: inst, Action: Unknown, Reason: "the corpus is not at hand, so the run has no id"}
		if set != nil {
			x.Digests = train.Digests(set)
			if x.Digests.Init, err = p.initDigest(inst.Run, weights); err != nil {
				return nil, nil, err
			}
			it := Item{ID: inst.Run.RunID(x.Digests), NumbersID: inst.Run.NumbersID(x.Digests)}
			it.decide(own)
			x.ID, x.NumbersID, x.Action, x.Reason, x.Step, x.Dir = it.ID, it.NumbersID, it.Action, it.Reason, it.Step, it.Dir
			if r, err := record.Find(all, x.ID); x.Action == New && err == nil && r.Reference && r.Finished() {
				x.Reason, x.Dir = fmt.Sprintf("no run of yours has this id; one that is committed with the project has (%s): --reference reuses it", record.ShortID(r.ID)), r.Dir
			}
		}
		if x.Dir == "" {
			x.Nearest = nearest(inst.Run, x.Digests, known)
		}
		list = append(list, x)
	}
	return list, p.Notes, nil
}

// A described is a stored run with its settings.
type described struct {
	run   record.Run
	parts []spec.Part
}

// describe reads the specs of stored runs, and says which cannot be read.
func describe(runs []record.Run) (list []described, unread []string) {
	for _, r := range runs {
		s, err := spec.LoadRun(record.SpecPath(r.Dir))
		if err != nil {
			unread = append(unread, fmt.Sprintf("run %s is not compared: its spec.toml is missing, or is none that this program would write", record.ShortID(r.ID)))
			continue
		}
		list = append(list, described{r, s.Parts()})
	}
	return list, unread
}

// nearest finds the stored run that differs least; of equals a finished one. nil if
// there are no runs.
func nearest(want spec.Run, d spec.Digests, known []described) *Nearest {
	var best *Nearest
	parts := want.Parts()
	for _, k := range known {
		n := k.differences(parts, d)
		if best == nil || n.distance() < best.distance() || n.distance() == best.distance() && n.Run.Finished() && !best.Run.Finished() {
			best = &n
		}
	}
	return best
}

// differences compares a stored run with another that has some settings and data.
// Digests that are not known do not differ.
func (k described) differences(parts []spec.Part, d spec.Digests) Nearest {
	n := Nearest{Run: k.run}
	for _, c := range spec.ChangesOf(k.parts, parts) {
		if c.Of != spec.OfNothing {
			n.Changes = append(n.Changes, c)
		}
	}
	if p := k.run.Provenance; p != nil {
		digest := func(name, a, b string) {
			if a != b && (b != "" || name == "initial weights" && d.Data != "") {
				n.Data = append(n.Data, spec.Change{Key: name, A: a, B: b, Of: spec.OfNumbers})
			}
		}
		digest("text", p.CorpusDigest, d.Data)
		digest("tokenizer", p.TokenizerDigest, d.Tokenizer)
		digest("initial weights", p.InitDigest, d.Init)
		if p.NumericsVersion != spec.NumericsVersion {
			n.Numerics = p.NumericsVersion
		}
	}
	return n
}

// A StoredExplanation says what would become of a stored run if an experiment
// asked for it again.
type StoredExplanation struct {
	Run       record.Run
	Spec      spec.Run
	Digests   spec.Digests // recorded
	ID        string       // that its settings and data have now
	NumbersID string
	Action    string
	Reason    string
	Step      int
	Asked     []Asked // by the experiments that it was trained for
}

// An Asked is an experiment that a run was trained for, as its file is now.
type Asked struct {
	Origin  record.Origin
	Path    string            // of the file; "" if there is none
	Problem string            // why it says nothing
	Now     *spec.Instance    // the run of that label and seed; nil if there is none
	Changes []spec.Change     // from the stored run to it, as far as they are in an id
	Places  map[string]string // where each key of it comes from
}

// ExplainStored looks at a stored run: whether its settings and the data that it
// was trained on still give its id, and whether its experiments still ask for it.
// It opens no corpus.
func ExplainStored(run record.Run) (StoredExplanation, error) {
	x := StoredExplanation{Run: run}
	s, err := spec.LoadRun(record.SpecPath(run.Dir))
	if err != nil {
		return x, err
	}
	x.Spec = s
	recorded := 0
	if p := run.Provenance; p != nil {
		x.Digests = spec.Digests{Data: p.CorpusDigest, Tokenizer: p.TokenizerDigest, Init: p.InitDigest}
		recorded = p.NumericsVersion
		x.ID, x.NumbersID = s.RunID(x.Digests), s.NumbersID(x.Digests)
	}
	switch {
	case run.Provenance == nil:
		x.Action, x.Reason = Unknown, "it has not begun, so its data is not recorded"
	case recorded != spec.NumericsVersion:
		x.Action, x.Reason = New, fmt.Sprintf("it was made with numerics_version %d, this program has %d: the same settings are another run now", recorded, spec.NumericsVersion)
	case x.ID != run.ID && record.ShortID(x.ID) != run.ID:
		x.Action, x.Reason = New, "its spec.toml and the digests of its data do not give its id: one of them was changed after it had begun"
	default:
		it := Item{ID: x.ID, NumbersID: x.NumbersID}
		it.decide([]record.Run{run})
		x.Action, x.Reason, x.Step = it.Action, it.Reason, it.Step
	}
	for _, o := range run.Origins {
		x.Asked = append(x.Asked, asked(o, described{run, s.Parts()}))
	}
	return x, nil
}

// asked looks for a run in the experiment that it was trained for.
func asked(o record.Origin, k described) Asked {
	a := Asked{Origin: o}
	if !spec.Exists(o.Experiment) {
		a.Problem = "there is no file of that name here"
		return a
	}
	e, err := spec.Load(o.Experiment, nil)
	if err != nil {
		a.Problem = "its file has errors"
		return a
	}
	a.Path = e.Path
	i := slices.IndexFunc(e.Runs, func(i spec.Instance) bool { return i.Variant == o.Variant && i.Label == o.Label && i.Seed == o.Seed })
	if i < 0 {
		a.Problem = fmt.Sprintf("its file has no run %q with seed %d any more", o.Name(), o.Seed)
		return a
	}
	a.Now, a.Places = &e.Runs[i], e.Runs[i].Origin
	a.Changes = k.differences(e.Runs[i].Run.Parts(), spec.Digests{}).Changes
	return a
}

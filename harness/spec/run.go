package spec

import "slices"

// A Run is one training run with every default filled in: everything that
// determines its numbers, and the few settings that change only how it is
// executed. It is what `ranklab train` reads.
//
// The identity tags of its sections say which id a key enters ([Run.NumbersID],
// [Run.RunID]): no tag, both; "run", only RunID; "-", neither. "omitzero" and
// "omit=VALUE" keep the id of runs that do not use the key.
type Run struct {
	Model       Model       `toml:"model" json:"model"`
	Data        Data        `toml:"data" json:"data"`
	Init        Init        `toml:"init" json:"init,omitzero"`
	Train       Train       `toml:"train" json:"train"`
	Eval        Eval        `toml:"eval" json:"eval"`
	Diagnostics Diagnostics `toml:"diagnostics" json:"diagnostics,omitzero"`
	Method      Method      `toml:"method" json:"method"`
	Seed        Seed        `toml:"seed" json:"seed"`
}

// Seed holds the two random streams of a run. In an experiment both follow
// `seeds`, unless a [seed] table fixes one.
type Seed struct {
	Init int `toml:"init" json:"init"` // initialisation, dropout, re-initialisation
	Data int `toml:"data" json:"data"` // order of the training data
}

// applies reports whether a key ("train.steps", "method.rank") has a meaning in
// this run, and if not, what it would need. An unknown choice, a problem of its
// own, leaves all keys that hang on it.
func (r Run) applies(key string) (ok bool, needs string) {
	switch key {
	case "data.modules":
		return r.Data.Source == "gomod" || !slices.Contains(sources(), r.Data.Source), `source "gomod"`
	case "data.paths":
		return r.Data.Source != "gomod", `source "text" or "c4"`
	case "data.tokenizer_model":
		return r.Data.Tokenizer == "sentencepiece" || !slices.Contains(tokenizers(), r.Data.Tokenizer), `tokenizer "sentencepiece"`
	case "diagnostics.after", "diagnostics.nth_refresh":
		return r.Diagnostics.Subspace, "diagnostics.subspace = true"
	case "method.restart_warmup_steps":
		if r.Method.Kind == "relora" {
			return r.Train.Scheduler == jaggedCosine || !slices.Contains(schedulers(), r.Train.Scheduler), `scheduler "jagged_cosine"`
		}
	}
	if name, isMethod := cutSection(key, "method"); isMethod {
		return r.Method.has(name)
	}
	return true, ""
}

// fillDefaults fills every key that explicit does not report.
func (r *Run) fillDefaults(explicit func(key string) bool) {
	r.Model.fillDefaults(explicit)
	r.Data.fillDefaults(explicit)
	r.Train.fillDefaults(explicit)
	r.Eval.fillDefaults(explicit, r.Train)
	r.Diagnostics.fillDefaults(explicit)
	r.Method.fillDefaults(explicit, r.Train)
}

// check reports everything that is wrong with the values of the run.
func (r Run) check(c *checker) {
	r.Model.check(c)
	r.Data.check(c, r.Model)
	r.Init.check(c, r.Method)
	r.Train.check(c)
	r.Eval.check(c)
	r.Diagnostics.check(c, r)
	r.Method.check(c, r)
	c.atLeast("seed.init", r.Seed.Init, 0)
	c.atLeast("seed.data", r.Seed.Data, 0)
	for _, f := range allFields() {
		if c.isSet(f.key) && f.section != "diagnostics" { // when to look may be said for all, and whether by one
			if ok, needs := r.applies(f.key); !ok && !c.skip(f.key) {
				c.misplaced(f.key, needs)
			}
		}
	}
}

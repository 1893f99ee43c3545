package spec

// Eval fixes the validation set and how often it is read.
type Eval struct {
	Every     int `toml:"every" json:"every"`           // steps between evaluations; one always follows the last update
	Tokens    int `toml:"tokens" json:"tokens"`         // size of the fixed set, in target tokens
	BatchSize int `toml:"batch_size" json:"batch_size"` // sequences per batch; enters only ppl_galore77
	// SelectTokens is the size of a second fixed set, of which no target is in the
	// first: the result is evaluated on it too, to choose among trials by it. 0 =
	// there is none.
	SelectTokens int `toml:"select_tokens" json:"select_tokens,omitempty" identity:"numbers,omitzero"`
}

// fillDefaults: every = a tenth of the run, tokens 65536, batch_size that of
// training.
func (e *Eval) fillDefaults(explicit func(string) bool, t Train) {
	setDefault(explicit, "eval.every", &e.Every, max(1, t.Steps/10))
	setDefault(explicit, "eval.tokens", &e.Tokens, 65536)
	setDefault(explicit, "eval.batch_size", &e.BatchSize, t.BatchSize)
}

func (e Eval) check(c *checker) {
	c.atLeast("eval.every", e.Every, 1)
	c.atLeast("eval.tokens", e.Tokens, 1)
	c.atLeast("eval.batch_size", e.BatchSize, 1)
	c.atLeast("eval.select_tokens", e.SelectTokens, 0)
}

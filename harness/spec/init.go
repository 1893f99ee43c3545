package spec

import "strings"

// Init says what the weights start from.
type Init struct {
	// From is a folder with a model in Hugging Face's format, relative to the
	// working directory; empty: weights are drawn by seed.init. It enters the ids
	// as the digest of the weights, see [Digests].
	From string `toml:"from" json:"-" identity:"-,omitzero"`
}

// check refuses a start that a method cannot make: factors that are trained from
// the start have no dense weight to import, unless they are taken from one.
func (i Init) check(c *checker, m Method) {
	if i.From == "" || c.skip("init.from", "method.kind", "method.init") {
		return
	}
	if strings.TrimSpace(i.From) == "" {
		c.fail("init.from", "from names no folder")
	}
	if m.Kind == "lowrank" && m.Init != "spectral" {
		c.failHint([]string{"init.from", "method.init"}, `write init = "spectral" in its [method] table: both factors from the best approximation of each imported weight`,
			"lowrank with init %q draws its factors, so it cannot start from imported weights", m.Init)
	}
}

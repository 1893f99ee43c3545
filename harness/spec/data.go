package spec

import (
	"regexp"
	"strings"
)

// Data selects the text, how it is split and tokenized, and how documents are
// packed into sequences. Relative paths are relative to the working directory.
type Data struct {
	Source         string   `toml:"source" json:"source"`                  // "gomod" | "text" | "c4"
	Modules        []string `toml:"modules" json:"modules,omitempty"`      // gomod: module@version
	Paths          []string `toml:"paths" json:"-" identity:"-"`           // text: files or folders; c4: a folder of *.json.gz (identity is the text's digest)
	ValFraction    float64  `toml:"val_fraction" json:"val_fraction"`      // share of documents held out, by hash (c4 with "validation" shards: unused)
	Packing        string   `toml:"packing" json:"packing"`                // "concat" | "pad"
	Tokenizer      string   `toml:"tokenizer" json:"tokenizer"`            // "bpe" (trained here, vocab_size of the model) | "sentencepiece"
	TokenizerModel string   `toml:"tokenizer_model" json:"-" identity:"-"` // sentencepiece: path of the .model file (identity is its digest)
}

// fillDefaults: source "gomod", val_fraction 0.05, packing "concat", tokenizer
// "bpe". modules, paths and tokenizer_model have none.
func (d *Data) fillDefaults(explicit func(string) bool) {
	setDefault(explicit, "data.source", &d.Source, "gomod")
	setDefault(explicit, "data.val_fraction", &d.ValFraction, 0.05)
	setDefault(explicit, "data.packing", &d.Packing, "concat")
	setDefault(explicit, "data.tokenizer", &d.Tokenizer, "bpe")
}

func sources() []string    { return []string{"gomod", "text", "c4"} }
func tokenizers() []string { return []string{"bpe", "sentencepiece"} }

var moduleVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~/-]*@v[0-9][A-Za-z0-9.+-]*$`)

func (d Data) check(c *checker, m Model) {
	c.oneOf("data.source", d.Source, sources()...)
	c.oneOf("data.packing", d.Packing, "concat", "pad")
	c.oneOf("data.tokenizer", d.Tokenizer, tokenizers()...)
	c.between("data.val_fraction", d.ValFraction, 0, 1)
	if d.Source == "gomod" && !c.skip("data.modules", "data.source") {
		if len(d.Modules) == 0 {
			c.missing("data.modules", `modules = ["gonum.org/v1/gonum@v0.17.0"]`)
		}
		for _, module := range d.Modules {
			if !moduleVersion.MatchString(module) {
				c.fail("data.modules", "%q is not a pinned module: write path@version, as in gonum.org/v1/gonum@v0.17.0", module)
			}
		}
	}
	for _, path := range d.Paths {
		if strings.TrimSpace(path) == "" && !c.skip("data.paths") {
			c.fail("data.paths", "a path is empty")
		}
	}
	if d.Tokenizer == "bpe" && (m.VocabSize < 512 || m.VocabSize > 32000) && m.VocabSize > 0 && !c.skip("model.vocab_size", "data.tokenizer") {
		c.failAt([]string{"model.vocab_size", "data.tokenizer", "model.preset"}, "tokenizer \"bpe\" is trained with 512 to 32000 pieces; vocab_size is %d", m.VocabSize)
	}
}

// Require reports what only the user can give and what is still empty: the
// folder of the text, the tokenizer's file. A spec without them can be planned,
// but not trained. The problem names the option that gives the value.
func (d Data) Require() error {
	var list []*Problem
	if len(d.Paths) == 0 && d.Source != "gomod" {
		what := "files or folders of text"
		if d.Source == "c4" {
			what = "a folder of *.json.gz shards"
		}
		list = append(list, &Problem{
			Message: "data.paths is empty: source \"" + d.Source + "\" reads " + what + " of yours",
			Hint:    `give it with -S 'data.paths=["/path/to/folder"]'`,
		})
	}
	if d.Tokenizer == "sentencepiece" && d.TokenizerModel == "" {
		list = append(list, &Problem{
			Message: `data.tokenizer_model is empty: tokenizer "sentencepiece" reads a .model file of yours`,
			Hint:    `give it with -S data.tokenizer_model=/path/to/tokenizer.model`,
		})
	}
	if len(list) == 0 {
		return nil
	}
	return &Problems{List: list}
}

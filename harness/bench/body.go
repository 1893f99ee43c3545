package bench

import (
	"embed"
	"fmt"

	"ranklab/harness/footprint"
	"ranklab/harness/spec"
	"ranklab/models"
)

// A body is a preset made concrete: the runs of all methods on it.
type body struct {
	name string
	runs []spec.Run // resolved, one per method
	pass float64    // seconds of a forward and backward pass; 0: not measured yet
}

func (b *body) config() models.Config { return b.runs[0].Model.Config }
func (b *body) length() int           { return b.runs[0].Train.MaxLength }

// Quick names the model of the quick experiment: the 9m preset with a
// vocabulary of 2048 and sequences of 128 tokens.
const Quick = "quick"

// Presets lists the presets that can be measured.
func Presets() []string { return append([]string{Quick}, models.Presets()...) }

//go:embed body.toml
var files embed.FS

// bodies resolves the presets.
func (o Options) bodies() ([]*body, error) {
	var all []*body
	for _, name := range o.Presets {
		b, err := o.body(name)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// body resolves the runs of a preset as those of an experiment are.
func (o Options) body(name string) (*body, error) {
	preset, vocab, length := name, 0, 256
	if name == Quick {
		preset, vocab, length = "9m", 2048, 128
	}
	c, ok := models.Preset(preset)
	if !ok {
		return nil, unknown("preset", name, Presets())
	}
	if o.Length > 0 {
		length = o.Length
	}
	if o.Tokens < length || o.Tokens%length != 0 {
		return nil, fmt.Errorf("%d tokens are no whole number of sequences of %d; choose --tokens and --length to fit", o.Tokens, length)
	}
	rank := o.Rank
	if rank == 0 {
		rank = footprint.DefaultRank(preset, c)
	}
	set := []string{
		"model.preset=" + preset, fmt.Sprintf("train.total_batch_size=%d", o.Tokens/length), fmt.Sprintf("train.max_length=%d", length),
	}
	if vocab > 0 {
		set = append(set, fmt.Sprintf("model.vocab_size=%d", vocab))
	}
	for _, method := range []string{"lowrank", "lora", "relora", "galore"} {
		set = append(set, fmt.Sprintf("method.%s.rank=%d", method, rank))
	}
	e, err := spec.LoadFS(files, "body.toml", append(set, o.Set...))
	if err != nil {
		return nil, err
	}
	b := &body{name: name}
	for _, r := range e.Runs {
		b.runs = append(b.runs, r.Run)
	}
	return b, nil
}

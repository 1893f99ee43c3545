package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ranklab/harness/stats"
)

// evaluationSettings decide on what a loss is measured.
func evaluationSettings() []string {
	return []string{"corpus_digest", "val_fraction", "packing", "max_length", "tokens"}
}

// protocolSettings are what a fair comparison of methods holds equal, beside the
// evaluation. Settings of a method and its learning rate are not among them.
func protocolSettings() []string {
	return []string{
		"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "rms_norm_eps", "initializer_range", "rope_theta",
		"steps", "total_batch_size", "scheduler", "warmup_steps", "min_lr_ratio", "grad_clipping", "microbatch_mean", "dtype", "state_dtype",
	}
}

// sameBits are settings that change memory and time, and no number.
func sameBits() []string {
	return []string{"layerwise", "activation_checkpointing", "subspace", "after", "nth_refresh", "select_tokens"}
}

// otherData says why a result of two rows of a table does not compare: losses
// were measured on other text (bits per byte stand any tokenizer), times on
// another machine or with other threads.
func otherData(c Column, row, base group) *stats.Warning {
	not := func(what, a, b string) *stats.Warning {
		return &stats.Warning{Kind: stats.OtherData, Text: fmt.Sprintf("%s not compared: %s is %s, of the baseline %s", c.Header, what, a, b)}
	}
	switch {
	case c.Kind == Seconds || c.Kind == Rate:
		for _, r := range slices.Concat(row.rows, base.rows) {
			first := base.rows[0]
			if r.Machine != first.Machine && r.Machine != "" && first.Machine != "" {
				return not("the machine", r.Machine, first.Machine)
			}
			if a, b, differ := differ("threads", r, first); differ {
				return not("the number of threads", a, b)
			}
		}
		return nil
	case c.Kind != Measure || c.Name == "epochs":
		return nil
	}
	names := evaluationSettings()
	if c.Name != "bits_per_byte" {
		names = append(names, "tokenizer_digest", "vocab_size")
	}
	if c.Name == "ppl_galore77" {
		names = append(names, "eval.batch_size")
	}
	for _, name := range names {
		if a, b, differ := differ(name, row.rows[0], base.rows[0]); differ {
			return not(strings.ReplaceAll(name, "_", " "), a, b)
		}
	}
	return nil
}

// differ reports whether both rows have a setting, with different values.
func differ(name string, row, base Row) (a, b string, differ bool) {
	x, y := row.Value(name), base.Value(name)
	a, b = Format(x), Format(y)
	if strings.HasSuffix(name, "_digest") {
		a, b = shortID(a), shortID(b)
	}
	return a, b, x != nil && y != nil && x != y
}

// warnOf passes on what a reader of the runs' results must know.
func (c *Chart) warnOf(rows []Row, methods map[string]string) {
	for _, r := range rows {
		for _, w := range r.Warnings {
			c.warn("%s: %s", methods[r.Method], w.Text)
		}
	}
}

// epochs warns of text that was seen more than once.
func (g *Grid) epochs(of group) []stats.Warning {
	most := 0.0
	for _, r := range of.rows {
		most = max(most, r.Results["epochs"])
	}
	if most <= 1 {
		return nil
	}
	return []stats.Warning{stats.Epochs(most)}
}

// hidden names what a row and its baseline differ in beside what the table
// shows: of the protocol, and of all settings where the method is the same.
func (g *Grid) hidden(groups []group, i, base int) []stats.Warning {
	if base < 0 || base == i {
		return nil
	}
	row, other := groups[i].rows[0], groups[base].rows[0]
	names := protocolSettings()
	if row.Method == other.Method {
		for name := range row.Settings {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	shown := map[string]bool{}
	for _, c := range g.Columns {
		shown[c.Name], shown[row.settingKey(c.Name)] = true, true
	}
	for name := range g.Table.CompareTo {
		shown[row.settingKey(name)] = true
	}
	var warnings []stats.Warning
	if a, b := start(row), start(other); a != b && !shown["init_digest"] {
		warnings = append(warnings, stats.Hidden("the start", a, b))
	}
	slices.Sort(names)
	for _, name := range names {
		if isSeed(name) || beside(name) || shown[name] || slices.Contains(sameBits(), name) || strings.HasSuffix(name, "_digest") || slices.Contains(evaluationSettings(), name) || name == "vocab_size" {
			continue
		}
		if a, b, differ := differ(name, row, other); differ {
			warnings = append(warnings, stats.Hidden(strings.ReplaceAll(name, "_", " "), a, b))
		}
	}
	return warnings
}

// start says which weights a run starts from.
func start(r Row) string {
	if digest, ok := r.Value("init_digest").(string); ok && digest != "" {
		return "weights " + shortID(digest)
	}
	return "drawn"
}

// Alike reports whether two runs have the same model, data, protocol and
// evaluation, so that the noise of one tells about the other. Text is known by
// its source where its digest is not.
func Alike(a, b Row) bool {
	for _, name := range slices.Concat(protocolSettings(), evaluationSettings(), []string{"source", "modules", "tokenizer", "vocab_size"}) {
		if _, _, differ := differ(name, a, b); differ {
			return false
		}
	}
	return true
}

// sameButSeed keys a run by everything but its seed.
func (r Row) sameButSeed() string {
	var b strings.Builder
	b.WriteString(r.Method)
	for _, name := range slices.Sorted(maps.Keys(r.Settings)) {
		if !isSeed(name) && !beside(name) && !strings.HasSuffix(name, "_digest") {
			b.WriteString("\x00" + name + "=" + Format(r.Settings[name]))
		}
	}
	return b.String()
}

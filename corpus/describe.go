package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Summary says what a [Set] means for a run.
type Summary struct {
	Manifest Manifest `json:"manifest"`

	Packing       string  `json:"packing"`
	MaxLength     int     `json:"max_length"`
	BytesPerToken float64 `json:"bytes_per_token"` // of the training split, end tokens included

	Sequences          int     `json:"sequences"`            // of the training split
	Targets            int64   `json:"targets"`              // in all of them: tokens_seen of one epoch
	TargetsPerPosition float64 `json:"targets_per_position"` // below 1 where padding is
	ValSequences       int     `json:"val_sequences"`
	ValTargets         int64   `json:"val_targets"`

	RunSequences int64   `json:"run_sequences"` // what the run reads
	RunPositions int64   `json:"run_positions"`
	RunTokens    int64   `json:"run_tokens"` // expected targets
	Epochs       float64 `json:"epochs"`
}

// Describe sums up the data for a run that reads the given number of training
// sequences of T positions; with 0 the run is left out.
func (s *Set) Describe(packing string, T int, sequences int64) Summary {
	n, targets := s.Train.Sequences(packing, T), s.Train.Targets(packing, T)
	d := Summary{
		Manifest: s.Manifest, Packing: packing, MaxLength: T,
		BytesPerToken: float64(s.Manifest.Train.Bytes) / float64(s.Manifest.Train.Tokens),
		Sequences:     n, Targets: targets,
		ValSequences: s.Val.Sequences(packing, T), ValTargets: s.Val.Targets(packing, T),
		RunSequences: sequences, RunPositions: sequences * int64(T),
	}
	if n > 0 {
		d.TargetsPerPosition = float64(targets) / (float64(n) * float64(T))
		d.Epochs = Order{N: n}.Epochs(sequences)
		d.RunTokens = int64(d.Epochs * float64(targets))
	}
	return d
}

// String returns the summary as aligned lines.
func (d Summary) String() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	m := &d.Manifest
	line("source", "%s, rules %d", m.Source, m.FilterVersion)
	for _, x := range m.Modules {
		line("", "%s@%s %s", x.Path, x.Version, x.Sum)
	}
	line("text", "%d documents, %d bytes, sha256 %s", m.Documents.Kept, m.Bytes, m.TextDigest)
	for _, reason := range slices.Sorted(maps.Keys(m.Documents.Dropped)) {
		line("left out", "%d %s", m.Documents.Dropped[reason], strings.ReplaceAll(reason, "_", " "))
	}
	line("tokenizer", "%s, sha256 %s", m.Tokenizer.Name, m.Tokenizer.Digest)
	for _, split := range []struct {
		name       string
		info       SplitInfo
		n, targets int64
	}{{"training", m.Train, int64(d.Sequences), d.Targets}, {"validation", m.Val, int64(d.ValSequences), d.ValTargets}} {
		line(split.name, "%d documents, %d bytes, %d tokens; %d sequences of %d (%s) with %d targets",
			split.info.Documents, split.info.Bytes, split.info.Tokens, split.n, d.MaxLength, d.Packing, split.targets)
	}
	line("density", "%.2f bytes per token, %.1f %% of positions are targets", d.BytesPerToken, 100*d.TargetsPerPosition)
	if d.RunSequences > 0 {
		line("run", "%d sequences, %d positions, about %d tokens: %.3f epochs", d.RunSequences, d.RunPositions, d.RunTokens, d.Epochs)
	}
	for _, note := range m.Notes {
		line("note", "%s", note)
	}
	return b.String()
}

package train

import (
	"bytes"
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// A selection set changes nothing of a run but for one row and its place in the
// summary: not the weights, and not the numbers that are reported.
func TestSelectionSet(t *testing.T) {
	set, s := tiny(t)
	variants()["galore"](&s)
	without := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	s.Eval.SelectTokens = 150
	with := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir(), Threads: 1})
	if with.summary.ID == without.summary.ID {
		t.Error("a run with a selection set has the id of one without")
	}
	if with.summary.StateDigest != without.summary.StateDigest || with.summary.Final != without.summary.Final || with.summary.Best != without.summary.Best {
		t.Error("the selection set changed a result")
	}
	chosen := with.summary.Select
	if chosen == nil || chosen.Split != record.Select || chosen.Targets < 150 || !chosen.Loss.Finite() || chosen.Loss == with.summary.Final.Loss || without.summary.Select != nil {
		t.Fatalf("selection %+v, without %+v", chosen, without.summary.Select)
	}
	rows := with.rows(t)
	if len(rows.Select) != 1 || rows.Select[0] != *chosen || len(rows.Eval) != len(without.rows(t).Eval) || chosen.Step != s.Train.Steps {
		t.Errorf("rows %+v", rows.Select)
	}
	var lines [][]byte
	for line := range bytes.Lines(with.metrics) {
		if !bytes.Contains(line, []byte(`"split":"select"`)) {
			lines = append(lines, line)
		}
	}
	if !bytes.Equal(bytes.Join(lines, nil), without.metrics) {
		t.Error("other rows differ")
	}
}

// The two sets share no sequence, and the first is the same with the second as
// without it.
func TestSelectSetIsDisjoint(t *testing.T) {
	set, s := tiny(t)
	s.Eval.SelectTokens = 150
	reported := EvalSet(s, set)
	choice, err := SelectSet(s, set)
	if err != nil {
		t.Fatal(err)
	}
	T := s.Train.MaxLength
	tokens, targets := make([]int32, T), make([]int32, T)
	seen := make(map[string]bool)
	for i := range reported.Sequences {
		reported.Sequence(i, tokens, targets)
		seen[key(tokens)] = true
	}
	for i := range choice.Sequences {
		choice.Sequence(i, tokens, targets)
		if seen[key(tokens)] {
			t.Errorf("sequence %d is in both sets", i)
		}
	}
	if digest := EvalSet(s, set).Digest; digest != reported.Digest || digest == choice.Digest {
		t.Error("digests")
	}
	s.Eval.SelectTokens = 1_000_000
	if _, err := SelectSet(s, set); err == nil || !strings.Contains(err.Error(), "too few for eval.select_tokens = 1000000. Raise data.val_fraction, or lower eval.tokens") {
		t.Errorf("%v", err)
	}
	if none, err := SelectSet(spec.Run{}, set); none != nil || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}

func key(tokens []int32) string {
	var b strings.Builder
	for _, id := range tokens {
		b.WriteRune(rune(id))
	}
	return b.String()
}

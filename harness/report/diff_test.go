package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"ranklab/harness/record"
)

// TestDifferences: nothing that is the same, and everything that is not.
func TestDifferences(t *testing.T) {
	_, s, runs := experiment(t)
	find := func(i int) record.Run {
		r, err := record.Find(runs, s.Runs[i].ID)
		must(t, err)
		return r
	}
	a, b := find(0), find(3)
	p := *b.Provenance
	p.CorpusDigest, p.NumericsVersion, p.Dirty = strings.Repeat("ab", 32), 2, false
	p.CPU.Features = []string{"avx2"}
	p.Modules = []record.Module{{Path: "example.com/m", Version: "v1.0.0"}}
	b.Provenance = &p
	list, err := Differences(a, b, []Difference{{Key: "method.rank", B: 32, Note: "other numbers"}})
	must(t, err)
	var out bytes.Buffer
	must(t, WriteDifferences(&out, a, b, list, nil, Text))
	golden(t, "diff.txt", out.String())
	out.Reset()
	must(t, WriteDifferences(&out, a, b, list, []string{DiffMemory}, JSON))
	var back struct{ Differences []Difference }
	must(t, json.Unmarshal(out.Bytes(), &back))
	if len(back.Differences) == 0 {
		t.Error("no difference in memory")
	}
	for _, d := range back.Differences {
		if d.Section != DiffMemory {
			t.Errorf("asked for memory, got %+v", d)
		}
	}
	list, err = Differences(a, a, nil)
	if must(t, err); len(list) != 0 {
		t.Errorf("a run differs from itself: %+v", list)
	}
	// Runs without a result are compared as far as they are.
	list, err = Differences(a, record.Run{ID: "eeeeeeeeeeee"}, nil)
	if must(t, err); len(list) == 0 || list[0].Section != DiffData {
		t.Errorf("a planned run: %+v", list)
	}
}

// TestSweepDifference matches runs by name and seed.
func TestSweepDifference(t *testing.T) {
	run := func(id, label string, seed int) record.SweepRun {
		return record.SweepRun{ID: id, Label: label, Variant: "v", Seed: seed}
	}
	a := record.Sweep{Experiment: "first", Runs: []record.SweepRun{run("1111", "x", 0), run("2222", "x", 1), run("3333", "y", 0), run("4444", "z", 0), run("5555", "w", 0)}}
	b := record.Sweep{Experiment: "second", Runs: []record.SweepRun{run("6666", "x", 1), run("1111", "x", 0), run("7777", "z", 0), run("8888", "new", 0), run("9999", "w", 0)}}
	d := PairSweeps(a, b, func(a, b string) ([]Difference, error) {
		switch a {
		case "4444":
			return nil, errors.New("not stored")
		case "5555":
			return []Difference{{Section: DiffEnv, Key: "cores", A: 1, B: 2}}, nil
		}
		return []Difference{{Section: DiffSpec, Key: "train.steps", A: 4, B: 8, Note: "other numbers"}}, nil
	})
	var out bytes.Buffer
	must(t, WriteSweepDifference(&out, d, []string{DiffSpec}, Text))
	golden(t, "diff-sweeps.txt", out.String())
	out.Reset()
	must(t, WriteSweepDifference(&out, d, nil, JSON))
	if !json.Valid(out.Bytes()) {
		t.Errorf("no JSON: %s", &out)
	}
}

package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
	"ranklab/internal/atomicfile"
	"ranklab/internal/memory"
)

// CSV is the name of the format of four tables: runs.csv, metrics.csv, memory.csv
// and subspace.csv.
const CSV = "csv"

// The files of an export as CSV.
const (
	runsCSV     = "runs.csv"
	metricsCSV  = "metrics.csv"
	memoryCSV   = "memory.csv"
	subspaceCSV = "subspace.csv"
)

// Tables writes the records of runs as CSV, for spreadsheets and data frames:
//
//	runs.csv     one row per run: who it is, its settings, its results
//	metrics.csv  one row per value along a run: step, split, name, value
//	memory.csv   one row per run, account and category, in bytes
//	subspace.csv one row per refresh, layer and matrix of runs with [diagnostics]
//
// Numbers are written in full, as recorded; what is missing, or is not finite, is
// empty. Runs without a result have their settings.
func Tables(dir, experiment string, runs []Exported, force bool) (*RecordManifest, error) {
	if _, err := writableRecords(dir, CSV, force); err != nil {
		return nil, err
	}
	m := &RecordManifest{Schema: Schema, Format: CSV, Experiment: experiment, Runs: []string{}}
	for _, x := range runs {
		m.Runs = append(m.Runs, x.Run.ID)
		if !x.Run.Finished() {
			m.Notes = append(m.Notes, fmt.Sprintf("%s (%s) is %s: no result", x.Name, record.ShortID(x.Run.ID), x.Run.State()))
		}
	}
	return m, atomicfile.WriteFolder(dir, manifestFile, nil, func(tmp string) error {
		for name, write := range map[string]func(*csv.Writer, string, []Exported) error{runsCSV: writeRuns, metricsCSV: writeMetrics, memoryCSV: writeMemory, subspaceCSV: writeSubspace} {
			err := atomicfile.WriteFunc(filepath.Join(tmp, name), func(w io.Writer) error {
				out := csv.NewWriter(w)
				if err := write(out, experiment, runs); err != nil {
					return err
				}
				out.Flush()
				return out.Error()
			})
			if err != nil {
				return err
			}
		}
		text, err := indented(m)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, manifestFile), text, 0o666)
	})
}

// writeRuns writes a line per run. A setting that has the name of a result gets
// "setting." before it.
func writeRuns(out *csv.Writer, experiment string, runs []Exported) error {
	settings, results := map[string]bool{}, map[string]bool{}
	rows := make([]view.Row, len(runs))
	for i, x := range runs {
		if x.Run.Finished() {
			var err error
			if rows[i], err = view.RowOf(x.Run); err != nil {
				return err
			}
		}
		for name := range settingsOf(x.Run) {
			settings[name] = true
		}
		for name := range rows[i].Results {
			results[name] = true
		}
	}
	inSettings, inResults := slices.Sorted(maps.Keys(settings)), slices.Sorted(maps.Keys(results))
	who := []string{"run_id", "numbers_id", "experiment", "label", "method", "seed", "state", "reason"}
	header := slices.Clone(who)
	for _, name := range inSettings {
		if results[name] || slices.Contains(who, name) {
			name = "setting." + name
		}
		header = append(header, name)
	}
	out.Write(append(header, inResults...))
	for i, x := range runs {
		r := x.Run
		reason := ""
		if r.Summary != nil {
			reason = r.Summary.Reason
		} else if r.Status != nil {
			reason = r.Status.Reason
		}
		line := []string{record.ShortID(r.ID), r.NumbersID, experiment, x.Name, x.Method, strconv.Itoa(x.Seed), r.State(), reason}
		have := settingsOf(r)
		for _, name := range inSettings {
			line = append(line, plainText(have[name]))
		}
		for _, name := range inResults {
			v, ok := rows[i].Results[name]
			if !ok {
				v = nan()
			}
			line = append(line, plainText(v))
		}
		out.Write(line)
	}
	return nil
}

// writeMetrics writes a line per value of a row. Values stand as they are recorded.
func writeMetrics(out *csv.Writer, _ string, runs []Exported) error {
	out.Write([]string{"run_id", "label", "seed", "step", "tokens_seen", "positions", "split", "name", "value"})
	for _, x := range runs {
		rows, err := x.Run.Rows()
		if err != nil {
			return err
		}
		for _, row := range rows {
			var names []string
			split := ""
			switch row.K {
			case "train":
				split, names = "train", []string{"loss", "lr", "grad_norm"}
			case "eval":
				json.Unmarshal(row.Fields["split"], &split) // a row without one is of no split
				names = []string{"loss", "ppl", "bits_per_byte", "ppl_galore77"}
			}
			for _, name := range names {
				value := strings.TrimPrefix(string(row.Fields[name]), "null")
				out.Write([]string{
					record.ShortID(x.Run.ID), x.Name, strconv.Itoa(x.Seed), strconv.Itoa(row.Step), string(row.Fields["tokens_seen"]), string(row.Fields["positions"]), split, name, value,
				})
			}
		}
	}
	return nil
}

// writeMemory writes a line per account and category.
func writeMemory(out *csv.Writer, _ string, runs []Exported) error {
	out.Write([]string{"run_id", "label", "seed", "account", "category", "bytes"})
	for _, x := range runs {
		line := func(account, category string, bytes int64) {
			out.Write([]string{record.ShortID(x.Run.ID), x.Name, strconv.Itoa(x.Seed), account, category, strconv.FormatInt(bytes, 10)})
		}
		m := x.Run.Memory
		if m == nil {
			continue
		}
		for _, c := range memory.Categories() {
			line("predicted", string(c), m.Predicted[c])
		}
		for _, c := range memory.Categories() {
			line("registered", string(c), m.Registered[c])
		}
		if e := m.ExactBF16; e != nil {
			line("exact_bf16", "weights", e.Weights)
			line("exact_bf16", "gradients", e.Gradients)
			line("exact_bf16", "states", e.States)
		}
		if p := m.Paper; p != nil {
			line("paper", "weights", p.Weights)
			line("paper", "states", p.States)
		}
		if s := x.Run.Summary; s != nil && s.PeakBytes > 0 {
			line("measured", "peak", s.PeakBytes)
		}
		if p := m.Measured; p != nil {
			line("measured", "base", p.BaseBytes)
		}
	}
	return nil
}

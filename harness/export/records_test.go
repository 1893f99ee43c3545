package export

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/internal/memory"
)

var updateRecords = flag.Bool("update", false, "rewrite the golden files")

// recorded stores a run of four updates that diverged, and one that is planned.
func recordedRuns(t *testing.T) []Exported {
	t.Helper()
	root := t.TempDir()
	check := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	const id, later = "aaaaaaaaaaaaffff", "bbbbbbbbbbbbffff"
	origin := record.Origin{Experiment: "small", Variant: "galore", Kind: "galore", Label: "galore rank=8, a/b|c", Seed: 1, Settings: map[string]any{"lr": 0.1, "rank": 8, "seed": 4, "modules": "a|b"}}
	check(record.AddOrigin(root, id, "n1", origin), record.AddOrigin(root, later, "n2", record.Origin{Experiment: "small", Variant: "adamw", Label: "adamw", Settings: map[string]any{"lr": 1e-5}}))
	w, err := record.Open(root, id)
	check(err)
	mem := map[memory.Category]int64{memory.Weights: 100, memory.Scratch: 7}
	eval := record.EvalRow{Step: 2, TokensSeen: 20, Positions: 24, Split: "validation", Loss: 2.5, PPL: record.Float(math.Exp(2.5)), BitsPerByte: 1.25, PPLGalore77: 12, Targets: 9}
	check(w.Train(record.TrainRow{Step: 1, TokensSeen: 10, Positions: 12, Loss: 3.25, LR: 0.1, GradNorm: 1}), w.Train(record.TrainRow{Step: 2, TokensSeen: 20, Positions: 24, Loss: 2.75, LR: 0.05, GradNorm: 0.5}),
		w.Subspace(subspaceRows()),
		w.Eval(eval), w.Event(record.EventRow{Step: 3, Name: "merge", Detail: map[string]any{"number": 1, "norm": 0.5}}), w.Train(record.TrainRow{Step: 4, TokensSeen: 40, Positions: 48, Loss: record.Float(math.NaN()), LR: 0.01}),
		w.Memory(record.Memory{Predicted: mem, Registered: mem, ExactBF16: &record.ExactBF16{Weights: 50, Gradients: 50, States: 25}, Measured: &record.Measured{Measure: "VmHWM", BaseBytes: 3, PeakBytes: 200, RSS: []record.RSSSample{{Step: 1, Phase: "update", Bytes: 150}, {Step: 2, Phase: "update", Bytes: 180}, {Step: 2, Phase: "evaluation", Bytes: 190}}}}),
		w.Summary(record.Summary{ID: id, NumbersID: "n1", State: record.Diverged, Reason: "loss is not finite", Steps: 4, Final: eval, Best: eval, Time: record.Durations{TrainS: 6, EvalS: 2}, PeakBytes: 200, Memory: mem, Threads: 1}), w.Close())
	runs, err := record.List(root)
	check(err)
	var out []Exported
	for _, r := range runs {
		o := r.Origins[0]
		out = append(out, Exported{Run: r, Name: o.Name(), Method: o.Variant, Seed: o.Seed})
	}
	return out
}

// subspaceRows are of two layers at a refresh, and of one of them two updates later.
func subspaceRows() []record.SubspaceRow {
	nan := record.Float(math.NaN())
	row := record.SubspaceRow{Step: 2, Module: "q_proj", Side: "left", Rank: 2, Dim: 8, Captured: 0.5, CapturedOld: nan, CapturedBest: nan, Overlap: 0.25, SplitOverlap: nan, EffectiveRank: 3, StableRank: nan, Retention: nan, Staleness: nan, Orthogonality: nan, Residual: nan}
	other, later := row, row
	other.Layer, other.Captured, other.Overlap = 1, 1, nan
	later.Step, later.After, later.Captured = 4, 2, 0.125
	return []record.SubspaceRow{row, other, later}
}

// TestTensorBoard compares the bytes of an event file with recorded ones, which
// TensorBoard has read (interop/tensorboard_check.py), and reads them back.
func TestTensorBoard(t *testing.T) {
	runs := recordedRuns(t)
	dir := filepath.Join(t.TempDir(), "logs")
	m, err := TensorBoard(dir, "small", runs, false)
	if err != nil {
		t.Fatal(err)
	}
	folder := "galore-rank-8--a-b-c-seed-1-aaaaaaaaaaaa"
	if !slices.Equal(m.Folders, []string{folder}) || len(m.Notes) != 1 {
		t.Fatalf("manifest %+v", m)
	}
	data, err := os.ReadFile(filepath.Join(dir, folder, eventsFile))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "events.hex")
	got := hex.Dump(data)
	if *updateRecords {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("other bytes than %s, %v; go test -update accepts them:\n%s", path, err, got)
	}
	// Frames: lengths and checksums agree, and nothing is left over.
	var events [][]byte
	for rest := data; len(rest) > 0; {
		n := binary.LittleEndian.Uint64(rest)
		if maskedCRC(rest[:8]) != binary.LittleEndian.Uint32(rest[8:]) || maskedCRC(rest[12:12+n]) != binary.LittleEndian.Uint32(rest[12+n:]) {
			t.Fatal("a checksum is wrong")
		}
		events = append(events, rest[12:12+n])
		rest = rest[16+n:]
	}
	// version, settings, three train rows, one eval row, one event, two samples of the resident size, subspaces at two updates
	if len(events) != 11 || !bytes.HasSuffix(events[0], []byte("brain.Event:2")) {
		t.Errorf("%d events", len(events))
	}
	if wall := math.Float64frombits(binary.LittleEndian.Uint64(events[len(events)-1][1:])); wall != 8 {
		t.Errorf("the last event is at %v s, want 8", wall)
	}

	// A second export replaces the first: what it has no run for goes.
	again, err := TensorBoard(dir, "small", []Exported{{Run: runs[0].Run, Name: "other", Seed: 1}}, false)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != again.Folders[0] {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if _, err := TensorBoard(dir, "small", runs[1:], false); err == nil || !strings.Contains(err.Error(), "has no rows yet") {
		t.Errorf("a run without rows: %v", err)
	}
	if _, err := Tables(dir, "small", runs, false); err == nil || !strings.Contains(err.Error(), "no earlier export to csv") {
		t.Errorf("another format into the same folder: %v", err)
	}
}

// TestMaskedCRC: the check value of CRC-32C (RFC 3720, B.4: 32 bytes of zeros),
// masked as in TensorFlow's record_writer.
func TestMaskedCRC(t *testing.T) {
	crc := uint32(0x8a9136aa)
	if got, want := maskedCRC(make([]byte, 32)), (crc>>15|crc<<17)+0xa282ead8; got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}

func TestTables(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tables")
	runs := recordedRuns(t)
	if _, err := Tables(dir, "small", runs, false); err != nil {
		t.Fatal(err)
	}
	read := func(name string) []map[string]string {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]string
		for _, line := range lines[1:] {
			row := map[string]string{}
			for i, v := range line {
				if _, twice := row[lines[0][i]]; twice {
					t.Fatalf("%s has two columns %q", name, lines[0][i])
				}
				row[lines[0][i]] = v
			}
			rows = append(rows, row)
		}
		return rows
	}
	list := read(runsCSV)
	if len(list) != 2 || list[0]["state"] != "diverged" || list[0]["lr"] != "0.1" || list[0]["setting.seed"] != "4" || list[0]["seed"] != "1" || list[0]["optimizer_state_bytes"] != "0" || list[1]["lr"] != "0.00001" && list[1]["lr"] != "1e-05" || list[1]["ppl"] != "" {
		t.Errorf("runs %v", list)
	}
	var losses []string
	for _, row := range read(metricsCSV) {
		if row["name"] == "loss" {
			losses = append(losses, fmt.Sprint(row["split"], " ", row["step"], " ", row["tokens_seen"], " ", row["value"]))
		}
	}
	if want := []string{"train 1 10 3.25", "train 2 20 2.75", "validation 2 20 2.5", "train 4 40 "}; !slices.Equal(losses, want) {
		t.Errorf("losses %q, want %q", losses, want)
	}
	for i, want := range []string{"2 0 0 q_proj left 2 8 0.5 0.25 3", "2 0 1 q_proj left 2 8 1  3", "4 2 0 q_proj left 2 8 0.125  "} {
		row := read(subspaceCSV)[i]
		if got := strings.Join([]string{row["step"], row["after"], row["layer"], row["module"], row["side"], row["rank"], row["dim"], row["captured"], row["overlap"], row["effective_rank"]}, " "); got != want || row["run_id"] != list[0]["run_id"] {
			t.Errorf("subspace %q of %s, want %q", got, row["run_id"], want)
		}
	}
	bytes := map[string]string{}
	for _, row := range read(memoryCSV) {
		bytes[row["account"]+" "+row["category"]] = row["bytes"]
	}
	if bytes["registered weights"] != "100" || bytes["exact_bf16 states"] != "25" || bytes["measured peak"] != "200" || bytes["measured base"] != "3" {
		t.Errorf("memory %v", bytes)
	}
}

package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ranklab/harness/spec"
	"ranklab/internal/bounded/boundedtest"
)

// FuzzPosition reads arbitrary bytes as the state.json of a checkpoint. What is
// accepted is a place of a run that can be carried on from, and survives writing
// and reading.
func FuzzPosition(f *testing.F) {
	const folder = "step-0000005"
	run := spec.Train{Steps: 10, TotalBatchSize: 4, MaxLength: 8}
	good, err := json.Marshal(position{Step: 5, TokensSeen: 150, Positions: 160, TrainS: 1.5, Sums: map[string]string{modelFile: "ab"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("null"))
	f.Add([]byte("{}"))
	for old, values := range map[string][]string{
		`"step":5`: {`"step":-5`, `"step":6`, `"step":9223372036854775807`, `"step":5.5`, `"step":"5"`, `"step":5,"STEP":7`}, `"positions":160`: {`"positions":-1`, `"positions":9223372036854775807`, `"positions":149`},
		`"tokens_seen":150`: {`"tokens_seen":-1`, `"tokens_seen":161`}, `"train_seconds":1.5`: {`"train_seconds":-1`, `"train_seconds":1e400`, `"train_seconds":null`}, `"sha256":{`: {`"sha256":null,"x":{`, `"metrics_bytes":-1,"sha256":{`},
	} {
		for _, v := range values {
			f.Add([]byte(strings.Replace(string(good), old, v, 1)))
		}
	}
	dir := filepath.Join(f.TempDir(), folder)
	if err := os.Mkdir(dir, 0o777); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, metaFile), data, 0o666); err != nil {
			t.Fatal(err)
		}
		boundedtest.AtMost(t, 500*int64(len(data)), func() {
			if _, err := readPosition(dir); err != nil && !strings.Contains(err.Error(), metaFile) {
				t.Fatalf("the error does not name the file: %v", err)
			}
		})
		var pos position
		if json.Unmarshal(data, &pos) != nil || pos.check(folder) != nil || pos.of(run) != nil {
			return
		}
		if pos.Step != 5 || pos.Positions != 160 || pos.TokensSeen < 0 || pos.TokensSeen > 160 || pos.Metrics < 0 || pos.TrainS < 0 {
			t.Fatalf("accepted %+v", pos)
		}
		again, err := pos.file()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, metaFile), again, 0o666); err != nil {
			t.Fatal(err)
		}
		if same, err := readPosition(dir); err != nil || !reflect.DeepEqual(pos, same) {
			t.Fatalf("%+v became %+v, %v", pos, same, err)
		}
	})
}

// A checkpoint whose position is not that of its folder, or of its run, is not
// carried on from, whatever its sums say.
func TestPositionsThatCannotBe(t *testing.T) {
	run := spec.Train{Steps: 10, TotalBatchSize: 4, MaxLength: 8}
	good := position{Step: 5, TokensSeen: 150, Positions: 160, Sums: map[string]string{}}
	folder := func(p position) string { return fmt.Sprintf(goodPrefix+"%07d", p.Step) }
	if err := good.check(folder(good)); err != nil {
		t.Error(err)
	}
	if err := good.of(run); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*position){
		"negative step":     func(p *position) { p.Step = -5 },
		"tokens":            func(p *position) { p.TokensSeen = 161 },
		"negative tokens":   func(p *position) { p.TokensSeen = -1 },
		"negative rows":     func(p *position) { p.Metrics = -1 },
		"negative time":     func(p *position) { p.EvalS = -0.5 },
		"positions":         func(p *position) { p.Positions = 161 },
		"beyond the end":    func(p *position) { p.Step, p.Positions = 11, 11*32 },
		"positions of none": func(p *position) { p.Step, p.Positions, p.TokensSeen = 0, 32, 0 },
	} {
		p := good
		change(&p)
		if p.check(folder(p)) == nil && p.of(run) == nil {
			t.Errorf("%s: accepted %+v", name, p)
		}
	}
	if good.check("step-0000006") == nil {
		t.Error("step 5 was accepted in the folder of step 6")
	}
}

// The name of the results folder is no pattern.
func TestHalfWrittenCheckpointsAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results [1", "ckpt")
	torn := filepath.Join(dir, writingPrefix+"123")
	if err := os.MkdirAll(torn, 0o777); err != nil {
		t.Fatal(err)
	}
	path, _, err := findCheckpoint(dir, func(position) error { return nil }, func(m string) { t.Error(m) })
	if err != nil || path != "" {
		t.Errorf("found %q, %v", path, err)
	}
	if _, err := os.Stat(torn); err == nil {
		t.Error("it is still there")
	}
}

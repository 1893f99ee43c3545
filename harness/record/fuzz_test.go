package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ranklab/internal/bounded/boundedtest"
)

// same compares values that were written as JSON and read.
var same = cmp.Options{
	cmp.Comparer(func(a, b Float) bool { return a == b || !a.Finite() && !b.Finite() }),
	cmpopts.EquateEmpty(),
}

// FuzzMetrics reads arbitrary bytes as the rows of a run: every complete line is
// a row, which survives writing and reading, or the error has its number.
func FuzzMetrics(f *testing.F) {
	const rows = `{"k":"train","step":1,"tokens_seen":2048,"positions":2048,"loss":6.25,"lr":0.001,"grad_norm":null}
{"k":"eval","step":1,"split":"validation","loss":6,"ppl":403.4,"targets":8192}
{"k":"event","step":1,"name":"diverged","detail":{"reason":"x","list":[1,null,{"a":[]}]}}
`
	f.Add([]byte(rows))
	f.Add([]byte(rows + `{"k":"train","st`))
	f.Add([]byte(rows + "\n"))
	f.Add([]byte("\x00\x00\x00\n"))
	for old, v := range map[string]string{`"step":1,"tokens`: `"step":9223372036854775808,"tokens`, `6.25`: "1e400", "0.001": "-0", `"k":"eval"`: `"k":"eval","K":"train"`, "8192": "-1", `{"a":[]}`: strings.Repeat("[", 11_000)} {
		f.Add([]byte(strings.Replace(rows, old, v, 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Metrics
		var err error
		boundedtest.AtMost(t, 2000*int64(len(data)), func() { m, err = readMetrics(bytes.NewReader(data)) })
		lines := bytes.Count(data, []byte("\n"))
		if err != nil {
			var n int
			if _, scan := fmt.Sscanf(err.Error(), "line %d:", &n); scan != nil || n < 1 || n > lines {
				t.Fatalf("of %d lines: %v", lines, err)
			}
			return
		}
		if n := len(m.Train) + len(m.Eval) + len(m.Events); n != lines {
			t.Fatalf("%d rows of %d lines", n, lines)
		}
		var again bytes.Buffer
		for _, rows := range [][]any{anys(m.Train), anys(m.Eval), anys(m.Events)} {
			for _, row := range rows {
				line, err := encodeJSON(row, "")
				if err != nil {
					t.Fatal(err)
				}
				again.Write(line)
			}
		}
		back, err := readMetrics(&again)
		if d := cmp.Diff(m, back, same); err != nil || d != "" {
			t.Fatalf("written and read: %v (-want +got)\n%s", err, d)
		}
	})
}

func anys[T any](list []T) (out []any) {
	for _, v := range list {
		out = append(out, v)
	}
	return out
}

// FuzzRun puts arbitrary bytes in the place of one file of a finished run. The
// run stays the folder's, whatever a file says, and is finished only with a
// result of its own; what cannot be read is a problem that names the file.
func FuzzRun(f *testing.F) {
	root := f.TempDir()
	short := ShortID(id)
	dir := Dir(root, short)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		f.Fatal(err)
	}
	good := map[string]string{
		originFile:     `{"schema":1,"id":"` + id + `","numbers_id":"n","origins":[{"experiment":"quick","variant":"galore","kind":"galore","axes":{"rank":32},"seed":0,"settings":{"lr":0.02}}]}`,
		statusFile:     `{"state":"running","step":3,"total":10,"attempt":1,"heartbeat":"2024-05-01T10:00:00Z"}`,
		memoryFile:     `{"schema":1,"predicted":{"weights":100},"registered":{"weights":100},"measured":{"measure":"VmHWM","rss":[{"step":1,"bytes":3}]},"entries":[{"category":"weights","name":"w","bytes":100}]}`,
		estimateFile:   `{"schema":1,"how":"rough","threads":1,"time":{"train_s":1},"total_s":1,"memory":{"weights":1}}`,
		provenanceFile: `{"schema":1,"revision":"abc","cpu":{"model":"m","cores":2},"attempts":[{"attempt":1}]}`,
		evidenceFile:   `{"schema":1,"init":{"w":"ab"},"order":{"sequences":9,"read":3,"prefixes":[{"sequences":1,"digest":"cd"}]},"eval":{"digest":"ef","targets":7}}`,
		summaryFile:    `{"schema":1,"id":"` + id + `","numbers_id":"n","state":"done","steps":10,"final":{"loss":null,"targets":1},"memory":{"weights":100}}`,
		metricsFile:    `{"k":"train","step":1}` + "\n",
		digestsFile:    `{"step":1,"weights":"ab","state":"cd","tensors":["01234567"]}` + "\n",
	}
	names := []string{originFile, statusFile, memoryFile, estimateFile, provenanceFile, summaryFile, metricsFile, lockFile, digestsFile, evidenceFile}
	for i, name := range names {
		f.Add(uint8(i), []byte(good[name]))
		f.Add(uint8(i), []byte("null"))
		f.Add(uint8(i), []byte("{}"))
		for _, other := range []string{"../../../../tmp/x", "4f2c9a01b7de../../../x", "5f2c9a01b7de55e0c0ffee", "", short, strings.ToUpper(id), id + "\\u0000"} {
			if strings.Contains(good[name], id) {
				f.Add(uint8(i), []byte(strings.Replace(good[name], id, other, 1)))
			}
		}
		f.Add(uint8(i), []byte(strings.Replace(good[name], `"done"`, `"running"`, 1)))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		damaged := names[int(which)%len(names)]
		for _, name := range names {
			content := []byte(good[name])
			if name == damaged {
				content = data
			}
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		var r Run
		var err error
		boundedtest.AtMost(t, 2000*int64(len(data)+4096), func() { r, err = Read(dir) })
		if err != nil {
			t.Fatal(err)
		}
		if !isHex(r.ID) || Dir(root, r.ID) != dir {
			t.Fatalf("run %q in folder %s", r.ID, dir)
		}
		if r.Finished() != slices.Contains([]string{Done, Diverged}, r.State()) && damaged != statusFile {
			t.Fatalf("finished %v, state %q", r.Finished(), r.State())
		}
		if r.Problem != nil && !strings.Contains(r.Problem.Error(), filepath.Join(dir, damaged)) {
			t.Fatalf("the problem of %s is: %v", damaged, r.Problem)
		}
		m, err := r.Metrics()
		if err != nil && (damaged != metricsFile || !strings.Contains(err.Error(), damaged)) {
			t.Fatalf("rows: %v", err)
		}
		if rows, err2 := r.Rows(); err == nil && (err2 != nil || len(rows) != len(m.Train)+len(m.Eval)+len(m.Events)) {
			t.Fatalf("%d rows, %v", len(rows), err2)
		}
		if _, err := r.Digests(); err != nil && (damaged != digestsFile || !strings.Contains(err.Error(), damaged)) {
			t.Fatalf("digests: %v", err)
		}
		runs, err := List(root)
		if err != nil || len(runs) != 1 || runs[0].ID != r.ID {
			t.Fatalf("listed: %+v, %v", runs, err)
		}
		if found, err := Find(runs, short); err != nil || found.Dir != dir {
			t.Fatalf("found in %s, %v", found.Dir, err)
		}
		_, _ = r.Origin("quick")
		_ = r.Measured()
	})
}

func isHex(id string) bool { return id != "" && strings.Trim(id, "0123456789abcdef") == "" }

// FuzzSweep reads arbitrary bytes as the file of a sweep. One that is accepted
// is of the experiment that was asked for, and the same after writing.
func FuzzSweep(f *testing.F) {
	const good = `{"schema":1,"experiment":"quick","runs":[{"id":"4f2c9a01b7de","label":"GaLore","variant":"galore","axes":{"rank":32},"seed":1}],` +
		`"baselines":[{"name":"unigram","loss":null,"ppl":403}],"figures":[{"id":"a"}],"tables":null,"claims":[{"id":"c","expr":"ppl[a] < 3"}],"contract":{"same":["init"]},"references":null,"overrides":["a=1"]}`
	f.Add([]byte(good))
	f.Add([]byte("{}"))
	f.Add([]byte("null"))
	for _, name := range []string{"../../up", "other", "", "quick/../x", "quick\\u0000"} {
		f.Add([]byte(strings.Replace(good, `"quick"`, `"`+name+`"`, 1)))
	}
	f.Add([]byte(strings.Replace(good, `"schema":1`, `"schema":2`, 1)))
	f.Add([]byte(strings.Replace(good, `[{"id":"a"}]`, `"\ud800"`, 1)))
	root := f.TempDir()
	path := filepath.Join(root, "sweeps", "quick", sweepFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		var s Sweep
		var err error
		boundedtest.AtMost(t, 2000*int64(len(data)), func() { s, err = ReadSweep(root, "quick") })
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		if s.Experiment != "quick" || s.Schema > Schema || s.Committed {
			t.Fatalf("sweep %+v", s)
		}
		if err := WriteSweep(root, s); err != nil {
			t.Fatal(err)
		}
		back, err := ReadSweep(root, "quick")
		if err != nil {
			t.Fatal(err)
		}
		s.Schema = back.Schema
		for _, sweep := range []*Sweep{&s, &back} {
			sweep.Figures, sweep.Tables = compact(t, sweep.Figures), compact(t, sweep.Tables)
			sweep.Claims, sweep.Contract, sweep.References = compact(t, sweep.Claims), compact(t, sweep.Contract), compact(t, sweep.References)
		}
		if d := cmp.Diff(s, back, same); d != "" {
			t.Fatalf("written and read (-want +got):\n%s", d)
		}
	})
}

func compact(t *testing.T, raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

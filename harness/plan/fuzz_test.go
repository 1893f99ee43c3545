package plan

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/internal/bounded/boundedtest"
)

// FuzzCache reads arbitrary bytes as the file of calibrations. What is believed
// gives finite times and survives being stored.
func FuzzCache(f *testing.F) {
	folder := f.TempDir()
	c, _ := openCache(folder)
	line := Line{Base: 0.5, Layer: 0.25}
	if err := c.put("key", entry{Of: "a model", Calibration: Calibration{Pass: line, Apply: line, First: line, Refresh: line, Eval: line, SetUp: line}}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(c.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	for _, value := range []string{"-1", "1e308", "1e400", "null", `"x"`, "0"} {
		f.Add([]byte(strings.Replace(string(good), `"base": 0.5`, `"base": `+value, 1)))
	}
	f.Add([]byte(strings.Replace(string(good), `"entries"`, `"entries": null, "x"`, 1)))
	f.Add([]byte(`{"schema": 99}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(c.path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var read *cache
		var note string
		boundedtest.AtMost(t, 1000*int64(len(data)), func() { read, note = openCache(folder) })
		if note != "" && !strings.Contains(note, c.path) {
			t.Fatalf("the note does not name the file: %s", note)
		}
		if read.entries == nil {
			t.Fatal("there is nothing to put a calibration into")
		}
		for _, e := range read.entries {
			for _, l := range []Line{e.Pass, e.Apply, e.First, e.Refresh, e.Eval, e.SetUp} {
				const tokens = 1e300 // far more than any run has
				if s := record.Float(tokens * l.at(1<<10)); !s.Finite() || l.Base < 0 || l.Layer < 0 {
					t.Fatalf("%+v gives %v seconds", l, s)
				}
			}
		}
		if len(read.entries) == 0 {
			return
		}
		key := ""
		for key = range read.entries {
			break
		}
		if err := read.put(key, read.entries[key]); err != nil {
			t.Fatal(err)
		}
		again, note := openCache(folder)
		if note != "" || !reflect.DeepEqual(read.entries, again.entries) {
			t.Fatalf("stored and read: %+v, want %+v; %s", again.entries, read.entries, note)
		}
	})
}

func TestLargeCacheIsMadeAgain(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, calibrationFile)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxCacheBytes+1); err != nil {
		t.Fatal(err)
	}
	if c, note := openCache(folder); len(c.entries) != 0 || !strings.Contains(note, path) {
		t.Errorf("%d entries, note %q", len(c.entries), note)
	}
}

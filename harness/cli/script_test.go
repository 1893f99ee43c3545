package cli_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ranklab/corpus/sentencepiece/sptest"
	"ranklab/harness/bench"
	"ranklab/harness/cli"
	"ranklab/internal/random"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ranklab": func() { os.Exit(cli.Main(os.Stdout, os.Stderr, os.Args[1:], "")) },
	})
}

// TestScripts runs the commands as a user does: each script is a session at
// the shell, with the text of 60 small documents in text/ and as C4 shards in
// c4/, and a tokenizer numbered like that of T5 in t5.model.
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("RANKLAB_CACHE", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("EXPERIMENTS", filepath.Join(root, "experiments"))
			if err := writeText(filepath.Join(e.WorkDir, "text")); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(e.WorkDir, "t5.model"), sptest.T5(words...).Serialise(), 0o666); err != nil {
				return err
			}
			return writeC4(filepath.Join(e.WorkDir, "c4"))
		},
		Condition: func(cond string) (bool, error) {
			if cond == "full" {
				return os.Getenv("RANKLAB_FULL") != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitline":  waitLine,
			"isimage":   isImage,
			"benchjson": benchJSON,
		},
	})
}

var words = strings.Fields("the rank of a matrix is what remains when noise has gone and so we project gradient onto basis vectors func return var for range if")

// document returns 150 of the words.
func document(n int) string {
	key := random.New(5).Stream("text").Step(n)
	var b strings.Builder
	for i := range uint64(150) {
		b.WriteString(words[key.Below(i, len(words))])
		b.WriteByte(' ')
	}
	return b.String()
}

func writeText(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for n := range 60 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("doc%02d.txt", n)), []byte(document(n)), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// writeC4 writes shards as the C4 data set names and fills them.
func writeC4(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, docs := range map[string][2]int{"c4-train.00000-of-00001.json.gz": {0, 1100}, "c4-validation.00000-of-00001.json.gz": {2000, 2020}} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		z := gzip.NewWriter(f)
		enc := json.NewEncoder(z)
		for n := docs[0]; n < docs[1]; n++ {
			if err := enc.Encode(map[string]string{"text": document(n), "url": fmt.Sprintf("https://example.com/%d", n)}); err != nil {
				return err
			}
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// waitLine waits until a file matching a pattern holds a string: "waitline
// 'results/runs/*/metrics.jsonl' '"step":20,'".
func waitLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitline PATTERN STRING")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		files, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, f := range files {
			if data, err := os.ReadFile(f); err == nil && strings.Contains(string(data), args[1]) {
				return
			}
		}
	}
	ts.Fatalf("no file %s holds %q", args[0], args[1])
}

// benchJSON checks a report of bench on one thread: its schema, the machine, and
// that every figure has a time, a rate and a share.
func benchJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: benchjson FILE")
	}
	var r bench.Report
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.DisallowUnknownFields()
	ts.Check(dec.Decode(&r))
	if r.Schema != bench.Schema || r.Machine.CPU.Cores < 1 || r.Machine.ISA != "go" || r.Machine.Threads != 1 || r.Program.Revision == "" {
		ts.Fatalf("machine %+v, program %+v", r.Machine, r.Program)
	}
	if len(r.Figures) != 12 || len(r.Means) != 4 || len(r.Limits) == 0 || len(r.Libraries) != 0 {
		ts.Fatalf("%d figures, %d means, %d limits", len(r.Figures), len(r.Means), len(r.Limits))
	}
	for _, f := range r.Figures {
		if !(f.Seconds.Median > 0 && f.Rate.Min <= f.Rate.Median && f.Rate.Median <= f.Rate.Max && f.Share.Median > 0) || f.Limit != bench.Peak {
			ts.Fatalf("%+v", f)
		}
	}
}

// isImage checks that files are SVG or PNG images of some size.
func isImage(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		data := ts.ReadFile(name)
		magic := map[string]string{".svg": "<?xml", ".png": "\x89PNG", ".pdf": "%PDF-"}[filepath.Ext(name)]
		if ok := magic != "" && strings.HasPrefix(data, magic) && len(data) > 2000; ok == neg {
			ts.Fatalf("%s is an image of more than 2000 bytes: %v", name, ok)
		}
	}
}

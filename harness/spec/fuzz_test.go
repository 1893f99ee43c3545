package spec

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"ranklab/internal/bounded/boundedtest"
	"ranklab/internal/safename"
)

// FuzzLoad loads arbitrary experiments with an arbitrary override. What is
// accepted has names that stay in their folder and runs that survive writing
// and reading; what is refused is explained in printable text.
func FuzzLoad(f *testing.F) {
	for _, text := range documents() {
		f.Add(text, "train.steps=3")
	}
	f.Add(twoMethods, "method.galore.rank=[1,2]")
	f.Add("seeds=2\n[sweep]\nlr=[1,2]\ntrain.steps=[[1]]\n[[sweep.zip]]\n[[case]]\nmethod='adamw'\n"+twoMethods, "case=[]")
	f.Add("[[figure]]\nid='a'\nwhere={rank=[1]}\n[[table]]\nrows=['x']\n"+twoMethods, "figure=3")
	for text, override := range map[string]string{ // one thing wrong in each, beside protocol.toml
		"[[figure]]\nid='../../x'\nkind='line'\nx='lr'\ny='ppl'\n": "seeds=1", "[[table]]\nid='/x'\nrows=['lr']\n": "seeds=1", "": "name=../up",
		"title=\"\\u001b[2J\"\n": "seeds=1", "[[case]]\nmethod='adamw'\nlabel=\"a\\nb\"\nweight_decay=0.1\n": "seeds=1", "data.tokenizer='sentencepiece'\n": "data.tokenizer_model=\xfe\xff",
		"[[claim]]\nid='c'\nexpr='ppl[galore] <= 1.03 * ppl[adamw] and not pl[a] > 3'\n": "claim=[]", "[[claim]]\nid='c'\nexpr=\"\"\"\\\n \\u0070pl[x='y'] ==\n\"\"\"\n": "contract.same=init",
		"[contract]\nsame=['init','eval_set','rank']\nwhere={method='adamw'}\n": "contract.where=3", "[[reference]]\nid='p'\nsource='s'\nscale={tokens='2.2B'}\ncompare={ppl='loss'}\nvalues=[{method='adamw',ppl=25,paper_bytes='0.76G'},3]\n[[table]]\nid='t'\nrows='method'\nreference='p'\n": "reference=[1]",
		"train.total_batch_size=100000\ntrain.steps=1\ntrain.warmup_steps=0\n": "train.max_length=100000",
	} {
		f.Add(text+twoMethods, override)
	}
	f.Add("[method.x]\nkind='relora'\nlr=1\nrank=1\nmerge_every=1\ntrain.scheduler='jagged_cosine'\n", "method.x.cycle_length=-1")
	f.Add("[method]\nx=1\n[sweep.zip]\n[case]\n", "\xff=\x00")
	f.Add("[train]\nsteps='!unset'\n[method.a]\ntrain='!unset'\n", "method='!unset'")
	f.Add(twoMethods, `data.paths=["\u0000", "\u007f", "\\", "'", "\"\"\""]`)
	f.Add(tunedMethods, "tune.max_trials=64")
	f.Add(twoMethods, "method.galore.use_lr=quick:galore")
	f.Fuzz(func(t *testing.T, text, override string) {
		boundedtest.AtMost(t, 2000*int64(len(text)), func() { parse(newSource("x.toml", text), &collector{}) })
		fsys := fstest.MapFS{
			"protocol.toml": {Data: []byte(protocol)},
			"x.toml":        {Data: []byte(text)},
			"y.toml":        {Data: []byte("extends=['protocol.toml', 'x.toml']\n")},
		}
		for _, path := range []string{"x.toml", "y.toml"} {
			x, err := LoadFS(fsys, path, []string{override})
			if (err == nil) == (x == nil) {
				t.Fatalf("experiment %v, error %v", x, err)
			}
			if err != nil {
				checkProblems(t, err)
				continue
			}
			checkExperiment(t, x)
		}
	})
}

// FuzzLock reads arbitrary text as a lock file. What is accepted gives rates to
// runs, and is written as it was read.
func FuzzLock(f *testing.F) {
	for _, name := range []string{"locked", "damaged"} {
		text, err := os.ReadFile("testdata/broken/base/" + name + LockSuffix)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("schema=1\n[method.'../x']\nlr=1\nedge='none'\n")
	f.Add("schema=1\nseeds=[1]\n[method.x]\nlr=1\nedge='none'\nrates=[1]\nruns=['../../../etc']\n")
	f.Fuzz(func(t *testing.T, text string) {
		problems := &collector{}
		l, ok := parseLock(newSource("x.lock.toml", text), problems)
		if ok != (len(problems.list) == 0) {
			t.Fatalf("accepted: %v, %d problems", ok, len(problems.list))
		}
		if !ok {
			checkProblems(t, problems.err())
			return
		}
		again, err := l.Encode("x.toml")
		if err != nil {
			t.Fatal(err)
		}
		back, ok := parseLock(newSource("x.lock.toml", string(again)), problems)
		if !ok || !reflect.DeepEqual(back.Methods, l.Methods) {
			t.Fatalf("%s\n%v", again, problems.err())
		}
		x, err := LoadFS(fstest.MapFS{
			"protocol.toml": {Data: []byte(protocol)}, "y.lock.toml": {Data: []byte(text)},
			"x.toml": {Data: []byte("extends='protocol.toml'\n[method.a]\nkind='adamw'\nuse_lr='y:galore'\n")},
		}, "x.toml", nil)
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkExperiment(t, x)
	})
}

// FuzzLoadRun reads arbitrary text as a resolved run.
func FuzzLoadRun(f *testing.F) {
	for _, inst := range everyKind(f) {
		text, err := inst.Run.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
		f.Add(strings.NewReplacer("total_batch_size = 8\n", "total_batch_size = 80000\n", "\nmax_length = 64\n", "\nmax_length = 64000\n").Replace(string(text)))
	}
	f.Add("[model]\n[data]\n[train]\n[eval]\n[method]\n[seed]\n")
	f.Add("[method]\nname = '../../x'\nkind = 'adamw'\n")
	f.Add("[train]\nbatch_size = 1000000000\nmax_length = 1000000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRun("spec.toml", text)
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkRun(t, r)
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	var problems *Problems
	if !errors.As(err, &problems) || len(problems.List) == 0 || len(problems.List) > maxKept {
		t.Fatalf("no problems, or too many: %v", err)
	}
	text := err.Error()
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
		t.Fatalf("the error holds the control character %q:\n%q", text[i:i+1], text)
	}
	for _, p := range problems.List {
		if p.File != "" && (p.Line < 1 || p.Column < 1) {
			t.Fatalf("%q has no place", p.Message)
		}
	}
}

// checked bounds how many runs of one experiment are looked at.
const checked = 8

func checkExperiment(t *testing.T, x *Experiment) {
	t.Helper()
	if len(x.Runs) == 0 || len(x.Runs) > maxRuns || len(x.Seeds) == 0 {
		t.Fatalf("%d runs, %d seeds", len(x.Runs), len(x.Seeds))
	}
	names := []string{x.Name}
	for _, f := range x.Figures {
		names = append(names, f.ID)
	}
	for _, table := range x.Tables {
		names = append(names, table.ID)
	}
	if x.Tune != nil {
		for _, m := range x.Tune.Methods[:min(checked, len(x.Tune.Methods))] {
			for _, index := range []int{len(x.Tune.Grid) - x.Tune.MaxTrials, x.Tune.MaxTrials - 1} {
				checkRun(t, x.Tune.Trials(m, index)[0].Run)
			}
		}
	}
	for _, inst := range x.Runs[:min(checked, len(x.Runs))] {
		names = append(names, inst.Variant)
		checkRun(t, inst.Run)
		if _, err := inst.Encode(); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(x.Title+inst.Label, unicode.IsControl) {
			t.Fatalf("title %q, label %q", x.Title, inst.Label)
		}
	}
	for _, name := range names {
		if !safename.Valid(name) {
			t.Fatalf("%q would become a part of a path", name)
		}
	}
}

// checkRun writes a run and reads it again.
func checkRun(t *testing.T, r Run) {
	t.Helper()
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseRun("again.toml", string(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(r, again) || r.RunID(Digests{}) != again.RunID(Digests{}) {
		t.Fatalf("written and read (-want +got):\n%s\n%s", cmp.Diff(r, again), text)
	}
	if positions := r.Train.TotalBatchSize * r.Train.MaxLength; positions < 1 || positions > maxUpdatePositions {
		t.Fatalf("%d positions in an update", positions)
	}
}

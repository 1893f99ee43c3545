package gc_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ranklab/corpus"
	"ranklab/harness/gc"
	"ranklab/harness/golden"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// write makes a file with the folders above it.
func write(t *testing.T, content string, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	must(t, os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(content), 0o666))
	return path
}

// age makes a file, or a folder and everything in it, two hours older.
func age(t *testing.T, paths ...string) {
	t.Helper()
	then := time.Now().Add(-2 * time.Hour)
	for _, path := range paths {
		must(t, filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.Type()&fs.ModeSymlink != 0 {
				return err
			}
			return os.Chtimes(path, then, then)
		}))
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// snapshot lists everything below a folder with its digest. The content of a lock
// file tells who held the lock last, and is left out.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case e.IsDir():
			all[rel] = "folder"
		case !e.Type().IsRegular() || e.Name() == "lock":
			all[rel] = e.Type().String()
		default:
			data, err := os.ReadFile(path)
			sum := sha256.Sum256(data)
			all[rel] = hex.EncodeToString(sum[:])
			return err
		}
		return nil
	}))
	return all
}

// missing lists what is in before and not in after, without what lies in folders
// that are missing themselves. It fails if anything else differs.
func missing(t *testing.T, before, after map[string]string) (gone []string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(before)) {
		now, there := after[path]
		switch {
		case there && now != before[path]:
			t.Errorf("%s has changed", path)
		case !there && !slices.Contains(gone, filepath.Dir(path)) && !slices.ContainsFunc(gone, func(g string) bool { return strings.HasPrefix(path, g+"/") }):
			gone = append(gone, path)
		}
	}
	for path := range after {
		if _, there := before[path]; !there {
			t.Errorf("%s is new", path)
		}
	}
	return gone
}

// lab is a results folder with runs.
type lab struct {
	set     *corpus.Set
	base    spec.Run
	cache   string
	results string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	set, base, err := golden.Prepare(t.Context(), dir)
	must(t, err)
	t.Cleanup(func() { set.Close() })
	return &lab{set: set, base: base, cache: filepath.Join(dir, "cache"), results: t.TempDir()}
}

// options are those of a run of a variant, with a checkpoint after every second
// update.
func (l *lab) options(variant string) train.Options {
	s := l.base
	golden.Variants()[variant](&s)
	s.Train.CheckpointEvery = 2
	return train.Options{Spec: s, Data: l.set, Results: l.results, Threads: 1}
}

func (l *lab) id(variant string) string { return l.options(variant).Spec.RunID(train.Digests(l.set)) }

func (l *lab) dir(variant string) string { return record.Dir(l.results, l.id(variant)) }

// train trains a run; a step above 0 stops it there. Copies of the checkpoints
// after updates 2 and 4 stay beside those that the run keeps.
func (l *lab) train(t *testing.T, variant string, stop int) *record.Summary {
	t.Helper()
	o := l.options(variant)
	aside := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Messages = func(m train.Message) {
		for _, name := range []string{"step-0000002", "step-0000004"} {
			from, to := filepath.Join(l.dir(variant), "ckpt", name), filepath.Join(aside, name)
			if exists(from) && !exists(to) {
				must(t, os.CopyFS(to, os.DirFS(from)))
			}
		}
		if m.Phase == "train" && stop > 0 && m.Step >= stop {
			cancel()
		}
	}
	summary, err := train.Run(ctx, o)
	if stop > 0 && !errors.Is(err, train.ErrStopped) || stop == 0 && err != nil {
		t.Fatal(err)
	}
	copies, err := os.ReadDir(aside)
	must(t, err)
	for _, c := range copies {
		if to := filepath.Join(l.dir(variant), "ckpt", c.Name()); !exists(to) {
			must(t, os.CopyFS(to, os.DirFS(filepath.Join(aside, c.Name()))))
		}
	}
	return summary
}

// collect tidies up.
func (l *lab) collect(t *testing.T, change func(*gc.Options)) *gc.Report {
	t.Helper()
	o := gc.Options{Results: l.results, Cache: l.cache}
	if change != nil {
		change(&o)
	}
	r, err := gc.Run(t.Context(), o)
	must(t, err)
	return r
}

// paths lists what a report says was removed, below the results folder, sorted.
func (l *lab) paths(t *testing.T, r *gc.Report) (list []string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(l.results)
	must(t, err)
	for _, it := range r.Removed {
		rel, err := filepath.Rel(root, it.Path)
		must(t, err)
		list = append(list, rel)
	}
	slices.Sort(list)
	return list
}

// TestGC: of a results folder with every kind of litter exactly the litter is
// removed; what stays stays as it is; a dry run changes nothing; there is nothing
// left to do for a second time; and a run that was stopped carries on to the same
// bits.
func TestGC(t *testing.T) {
	l := newLab(t)
	const finished, stopped, busy, orphan = "adamw", "galore", "lora", "lowrank"
	l.train(t, finished, 0)
	l.train(t, stopped, 7)
	l.train(t, busy, 5)
	l.train(t, orphan, 0)
	folder := func(variant string) string { return filepath.Join("runs", record.ShortID(l.id(variant))) }

	var litter, stays []string // paths below results
	add := func(list *[]string, content string, parts ...string) string {
		rel := filepath.Join(parts...)
		*list = append(*list, rel)
		path := write(t, content, l.results, rel)
		age(t, path)
		return path
	}
	const temp = ".atomic-0123456789abcdef"
	add(&litter, "half", ".doctor"+temp)
	for _, variant := range []string{finished, stopped} {
		run := folder(variant)
		add(&litter, "half", run, ".summary.json"+temp)
		add(&litter, "half", run, "attempts", "0001", ".provenance.json"+temp)
		must(t, os.CopyFS(filepath.Join(l.results, run, "ckpt", "damaged-step-0000003"), os.DirFS(filepath.Join(l.results, run, "ckpt", "step-0000002"))))
		litter = append(litter, filepath.Join(run, "ckpt", "damaged-step-0000003"), filepath.Join(run, "ckpt", "step-0000002"), filepath.Join(run, "ckpt", "step-0000004"))
		write(t, "half", l.results, run, "ckpt", ".writing-77", "model.safetensors")
		write(t, "", l.results, run, "attempts", "0009", "log.txt")
		litter = append(litter, filepath.Join(run, "ckpt", ".writing-77"), filepath.Join(run, "attempts", "0009"))
		write(t, "in the making", l.results, run, ".origin.json"+temp+"fresh")
		add(&stays, "torn rows", run, "metrics.jsonl.damaged")
		add(&stays, "mine", run, "ckpt", "notes.txt")
		add(&stays, "mine", run, "ckpt", "step-of-mine.safetensors")
	}
	add(&litter, "half", folder(orphan), ".summary.json"+temp)
	litter = append(litter, filepath.Join(folder(orphan), "ckpt", "step-0000002"), filepath.Join(folder(orphan), "ckpt", "step-0000004"))

	// A run that is being written is left alone, litter and all.
	w, err := record.Open(l.results, l.id(busy))
	must(t, err)
	defer w.Close()
	add(&stays, "half", folder(busy), "ckpt", ".writing-1", "model.safetensors")

	// Planned runs: one that a sweep reaches, one that none does, and a new one.
	planned := map[string]string{"reached": strings.Repeat("a", 64), "unreached": strings.Repeat("b", 64), "new": strings.Repeat("c", 64)}
	for _, id := range planned {
		must(t, record.AddOrigin(l.results, id, "n", record.Origin{Experiment: "old"}), record.WriteEstimate(l.results, id, record.Estimate{}, true))
	}
	age(t, record.Dir(l.results, planned["reached"]), record.Dir(l.results, planned["unreached"]))
	litter = append(litter, filepath.Join("runs", record.ShortID(planned["unreached"])))
	write(t, "left of a removal", l.results, "runs", ".removing-0123456789ab", "spec.toml")
	litter = append(litter, "runs/.removing-0123456789ab")

	must(t, record.WriteSweep(l.results, record.Sweep{Experiment: "exp", Runs: []record.SweepRun{
		{ID: l.id(finished)}, {ID: l.id(stopped)}, {ID: l.id(busy)}, {ID: planned["reached"]},
	}}))
	done, undone := record.ShortID(l.id(finished)), record.ShortID(l.id(stopped))
	add(&litter, "a log", "sweeps/exp/logs", done+".log")
	add(&litter, "a spec", "sweeps/exp/specs", done+".toml")
	add(&stays, "why it failed", "sweeps/exp/logs", undone+".log")
	add(&stays, "a spec", "sweeps/exp/specs", undone+".toml")
	add(&stays, "mine", "sweeps/exp/logs", "notes.log")
	write(t, "just written", l.results, "sweeps/exp/specs", record.ShortID(l.id(orphan))+".toml")
	add(&litter, "half", "tables/exp/.tables.md"+temp)
	add(&litter, "half", "figures/exp/.fig.svg"+temp)
	add(&stays, "half", "reference/exp/.tables.md"+temp)
	add(&stays, "half", "reference/exp/runs/0123456789ab/ckpt/.writing-1/model.safetensors")
	add(&stays, "mine", "runs/my-folder/.notes"+temp)
	add(&stays, "mine", "unknown/.notes"+temp)

	// Links lead to nothing that is removed.
	elsewhere := t.TempDir()
	write(t, "half", elsewhere, "ckpt", ".writing-1", "model.safetensors")
	write(t, "half", elsewhere, ".summary.json"+temp)
	age(t, elsewhere)
	outside := snapshot(t, elsewhere)
	must(t, os.Symlink(elsewhere, filepath.Join(l.results, "runs", "00112233aabb")))
	linked := filepath.Join(l.results, "runs", "ffffffffffff")
	write(t, "{}", linked, "status.json")
	must(t, os.Symlink(filepath.Join(elsewhere, "ckpt"), filepath.Join(linked, "ckpt")))

	before := snapshot(t, l.results)
	slices.Sort(litter)
	dry := l.collect(t, func(o *gc.Options) { o.DryRun = true })
	if got := l.paths(t, dry); !slices.Equal(got, litter) {
		t.Errorf("a dry run lists\n%q, want\n%q", got, litter)
	}
	if gone := missing(t, before, snapshot(t, l.results)); len(gone) > 0 {
		t.Fatalf("a dry run has removed %q", gone)
	}

	r := l.collect(t, nil)
	lock := int64(16) // the lock file that a planned run gets, a number within it, goes with it
	if got := l.paths(t, r); !slices.Equal(got, litter) || r.Bytes < dry.Bytes || r.Bytes > dry.Bytes+lock || dry.Bytes == 0 {
		t.Errorf("removed %d bytes\n%q, want %d bytes\n%q", r.Bytes, got, dry.Bytes, litter)
	}
	after := snapshot(t, l.results)
	if gone := missing(t, before, after); !slices.Equal(gone, litter) {
		t.Errorf("gone:\n%q, want\n%q", gone, litter)
	}
	for _, path := range stays {
		if _, there := after[path]; !there {
			t.Errorf("%s is gone", path)
		}
	}
	if !maps.Equal(outside, snapshot(t, elsewhere)) {
		t.Error("what a link leads to has changed")
	}
	var left []string
	for _, x := range r.Left {
		left = append(left, filepath.Base(x.Path)+": "+x.Why)
	}
	for _, want := range []string{record.ShortID(l.id(busy)) + ": ", "is being written by process", "00112233aabb: a symbolic link", "ckpt: a symbolic link"} {
		if !strings.Contains(strings.Join(left, "\n"), want) {
			t.Errorf("left alone: %q, want %q", left, want)
		}
	}

	if again := l.collect(t, nil); len(again.Removed) > 0 || again.Bytes != 0 {
		t.Errorf("a second time: %+v", again.Removed)
	}

	// What was stopped carries on to the same bits.
	summary, err := train.Run(t.Context(), l.options(stopped))
	must(t, err)
	known, err := golden.Known()
	must(t, err)
	if summary.StateDigest != known.Tiny[stopped].State {
		t.Error("the run that was stopped ends in another state")
	}
	rows, err := os.ReadFile(filepath.Join(l.dir(stopped), "metrics.jsonl"))
	must(t, err)
	if sum := sha256.Sum256(rows); hex.EncodeToString(sum[:]) != known.Tiny[stopped].Metrics {
		t.Error("the run that was stopped has other rows")
	}

	// Only when asked: the last checkpoints of finished runs, and orphans.
	age(t, l.dir(orphan), record.Dir(l.results, planned["new"]))
	r = l.collect(t, func(o *gc.Options) { o.Checkpoints, o.Experiment = true, "exp" })
	want := sorted([]string{ // and what is not needed any more since the run that was stopped is finished
		filepath.Join(folder(finished), "ckpt", "step-0000012"), filepath.Join(folder(stopped), "ckpt", "step-0000012"),
		filepath.Join("sweeps/exp/logs", undone+".log"), filepath.Join("sweeps/exp/specs", undone+".toml"),
	})
	if got := l.paths(t, r); !slices.Equal(got, want) {
		t.Errorf("--checkpoints of exp: %q, want %q", got, want)
	}
	before = snapshot(t, l.results)
	r = l.collect(t, func(o *gc.Options) { o.Orphans = true })
	want = sorted([]string{folder(orphan), filepath.Join("runs", record.ShortID(planned["new"]))})
	if got := l.paths(t, r); !slices.Equal(got, want) {
		t.Errorf("--orphans: %q, want %q", got, want)
	}
	if gone := missing(t, before, snapshot(t, l.results)); !slices.Equal(gone, want) {
		t.Errorf("--orphans: gone %q, want %q", gone, want)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// TestGoodCheckpoints: a checkpoint is removed only for newer ones that are good.
func TestGoodCheckpoints(t *testing.T) {
	l := newLab(t)
	l.train(t, "adamw", 7)
	ckpt := filepath.Join(l.dir("adamw"), "ckpt")
	spoil := func(name string) {
		path := filepath.Join(ckpt, name, "model.safetensors")
		data, err := os.ReadFile(path)
		must(t, err)
		data[len(data)/2] ^= 1
		must(t, os.WriteFile(path, data, 0o666))
	}
	there := func(want ...string) {
		t.Helper()
		entries, err := os.ReadDir(ckpt)
		must(t, err)
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, want) {
			t.Errorf("checkpoints %q, want %q", got, want)
		}
	}
	there("step-0000002", "step-0000004", "step-0000006", "step-0000007")
	spoil("step-0000006")
	l.collect(t, nil) // 7 and 4 are good
	there("step-0000004", "step-0000006", "step-0000007")
	spoil("step-0000007")
	l.collect(t, nil)
	there("step-0000004", "step-0000006", "step-0000007")

	// The run puts the bad ones aside and goes on from the good one. They stay as long
	// as no newer one is good.
	must(t, os.Rename(filepath.Join(ckpt, "step-0000006"), filepath.Join(ckpt, "damaged-step-0000006")))
	l.collect(t, nil)
	there("damaged-step-0000006", "step-0000004", "step-0000007")
	if _, err := train.Run(t.Context(), l.options("adamw")); err != nil {
		t.Fatal(err)
	}
	there("damaged-step-0000006", "damaged-step-0000007", "step-0000012")
	spoil("step-0000012")
	l.collect(t, nil)
	there("damaged-step-0000006", "damaged-step-0000007", "step-0000012")
	spoil("step-0000012") // the bit flips back
	l.collect(t, nil)
	there("step-0000012")
}

// TestUnsure: where a sweep cannot be read, no run counts as reached by none.
func TestUnsure(t *testing.T) {
	l := newLab(t)
	id := strings.Repeat("a", 64)
	must(t, record.AddOrigin(l.results, id, "n", record.Origin{Experiment: "exp"}))
	age(t, record.Dir(l.results, id))
	if _, err := gc.Run(t.Context(), gc.Options{Results: l.results, Orphans: true}); err == nil || !strings.Contains(err.Error(), "holds no sweep") {
		t.Errorf("orphans without any sweep: %v", err)
	}
	sweep := write(t, "{damaged", l.results, "sweeps", "exp", "sweep.json")
	name := filepath.Join("exp", "sweep.json")
	r := l.collect(t, nil)
	if len(r.Removed) > 0 || len(r.Left) != 1 || !strings.Contains(r.Left[0].Why, name) {
		t.Errorf("%+v", r)
	}
	if _, err := gc.Run(t.Context(), gc.Options{Results: l.results, Orphans: true}); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("orphans where a sweep cannot be read: %v", err)
	}
	must(t, os.Remove(sweep))
	if r := l.collect(t, nil); len(r.Removed) != 1 || r.Removed[0].Kind != gc.Planned {
		t.Errorf("%+v", r)
	}
	if r := l.collect(t, func(o *gc.Options) { o.Results = filepath.Join(l.results, "missing") }); len(r.Removed)+len(r.Left) > 0 {
		t.Errorf("of a folder that is not there: %+v", r)
	}
}

// TestCorpora: of the cache only what nothing leads to any more is removed, and
// only when asked.
func TestCorpora(t *testing.T) {
	l := &lab{cache: t.TempDir(), results: t.TempDir()}
	text := t.TempDir()
	must(t, golden.WriteText(text))
	age(t, text) // of a text that may be changing right now only the tokens are cached
	set, err := corpus.Prepare(t.Context(), corpus.Options{
		Source: "text", Paths: []string{text}, ValFraction: 0.2, Packing: "concat", Tokenizer: "bpe", VocabSize: 512, CacheDir: l.cache,
	})
	must(t, err)
	must(t, set.Close())
	half := write(t, "half", l.cache, "tokens", strings.Repeat("0", 32), "train.tok")
	fresh := write(t, "half", l.cache, "tokens", strings.Repeat("1", 32), "train.tok")
	unknown := write(t, "{}", l.cache, "tokens", strings.Repeat("2", 32), "counts.json") // of a program that did not say of which text
	mine := write(t, "mine", l.cache, "tokens", "notes.txt")
	calibration := write(t, "{}", l.cache, "calibration.json")
	temp := write(t, "half", l.cache, "bpe", ".x.json.atomic-0123456789abcdef")
	age(t, l.cache)
	now := time.Now()
	must(t, os.Chtimes(filepath.Dir(fresh), now, now))
	corpora := func(o *gc.Options) { o.Corpora = true }

	before := snapshot(t, l.cache)
	if r := l.collect(t, nil); len(r.Removed) > 0 {
		t.Errorf("without being asked: %+v", r.Removed)
	}
	dry := l.collect(t, func(o *gc.Options) { o.Corpora, o.DryRun = true, true })
	if gone := missing(t, before, snapshot(t, l.cache)); len(gone) > 0 || len(dry.Removed) != 2 {
		t.Errorf("a dry run: gone %q, %+v", gone, dry.Removed)
	}
	r := l.collect(t, corpora)
	var got []string
	for _, it := range r.Removed {
		got = append(got, it.Path)
	}
	if want := sorted([]string{filepath.Dir(half), temp}); !slices.Equal(sorted(got), want) {
		t.Errorf("removed %q, want %q", got, want)
	}

	// Without the text nothing leads to the vocabulary and the tokens.
	texts, err := filepath.Glob(filepath.Join(l.cache, "text", "*.json"))
	must(t, err)
	if len(texts) != 1 {
		t.Fatalf("cached texts: %q", texts)
	}
	must(t, os.Remove(texts[0]))
	stored, err := corpus.Inventory(l.cache)
	must(t, err)
	var tokens corpus.Stored
	for _, s := range stored {
		if s.Kind == corpus.StoredTokens && s.Unused != "" {
			tokens = s
		}
	}
	unlock, ok, err := tokens.TryLock(l.cache)
	if err != nil || !ok {
		t.Fatalf("%+v: %v, %v", stored, ok, err)
	}
	r = l.collect(t, corpora)
	if len(r.Removed) != 1 || r.Removed[0].Kind != gc.Corpus || len(r.Left) != 1 || r.Left[0].Path != filepath.Join(l.cache, tokens.Path) {
		t.Errorf("while the tokens are built: %+v", r)
	}
	must(t, unlock())
	if r = l.collect(t, corpora); len(r.Removed) != 1 || r.Removed[0].Bytes == 0 {
		t.Errorf("%+v", r)
	}
	if r = l.collect(t, corpora); len(r.Removed) > 0 {
		t.Errorf("a second time: %+v", r)
	}
	for _, path := range []string{fresh, unknown, mine, calibration} {
		if !exists(path) {
			t.Errorf("%s is gone", path)
		}
	}
}

package doctor

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/flock"

	"ranklab/harness/golden"
	"ranklab/harness/selftest"
	"ranklab/tensor"
)

// newTest returns an examination of new folders.
func newTest(t *testing.T) *examination {
	t.Helper()
	e, err := newExamination(t.Context(), Options{Results: t.TempDir(), Cache: filepath.Join(t.TempDir(), "not", "there"), Revision: "f00d"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// found returns the findings about a subject.
func (e *examination) found(subject string) (list []Finding) {
	for _, f := range e.report.Findings {
		if f.Subject == subject {
			list = append(list, f)
		}
	}
	return list
}

// mustFind fails unless there is one finding about the subject, of that level
// and with the words in its text or hint.
func (e *examination) mustFind(t *testing.T, subject string, level Level, words ...string) {
	t.Helper()
	list := e.found(subject)
	if len(list) != 1 || list[0].Level != level {
		t.Fatalf("%s: %+v, want one of level %s", subject, list, level)
	}
	for _, w := range words {
		if !strings.Contains(list[0].Text+"\n"+list[0].Hint, w) {
			t.Errorf("%s: %+v does not say %q", subject, list[0], w)
		}
	}
}

// files lists everything below some folders.
func files(t *testing.T, dirs ...string) (list []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			list = append(list, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// TestThisMachine: the machine that the tests run on is well, the report says
// so in words and as JSON, and nothing is left behind.
func TestThisMachine(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	e := newTest(t)
	var text bytes.Buffer
	p := NewPrinter(&text)
	e.Tell = p.Finding
	dirs := []string{e.Results, filepath.Dir(filepath.Dir(e.Cache)), os.Getenv("TMPDIR")}
	before := files(t, dirs...)
	if err := e.examine(); err != nil {
		t.Fatal(err)
	}
	if err := p.End(e.report); err != nil {
		t.Fatal(err)
	}
	if after := files(t, dirs...); !slices.Equal(before, after) {
		t.Errorf("before: %q\nafter: %q", before, after)
	}
	r := e.report
	if r.Level == Failure || r.Count(Failure) > 0 || !(r.Seconds > 0) {
		t.Fatal(text.String())
	}
	for _, subject := range []string{"ranklab", "processor", "cores", "vector units", "memory", "prepared text", "kernels", "golden runs", "measured memory", "gonum"} {
		if list := e.found(subject); len(list) != 1 || list[0].Text == "" || list[0].Section == "" {
			t.Errorf("%s: %+v", subject, list)
		}
	}
	if list := e.found("files"); len(list) != 2 || list[0].Section != "results" || list[1].Section != "cache" {
		t.Errorf("files: %+v", list)
	}
	e.mustFind(t, "kernels", OK, "go on 1 thread", tensor.Supported()[0].String())
	e.mustFind(t, "golden runs", OK, goldenVariants...)

	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Report
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&again); err != nil || again.Schema != Schema || len(again.Findings) != len(r.Findings) || again.Time.IsZero() {
		t.Errorf("%v: %s", err, data)
	}
	for _, f := range r.Findings {
		if !strings.Contains(text.String(), f.Text) {
			t.Errorf("%q is missing in\n%s", f.Text, text.String())
		}
	}
}

// TestWrongKernel: a kernel that computes one wrong bit is a failure that names
// it, and an instruction set that is right.
func TestWrongKernel(t *testing.T) {
	if fastest := tensor.Supported()[0]; fastest != tensor.Go {
		e := newTest(t)
		e.spoil(t, "Gemm NT", func(d *tensor.Device) bool { return d.ISA() == fastest })
		e.selfTest()
		e.mustFind(t, "kernels", Failure, "2 wrong results", "RANKLAB_ISA=")
		wrong := e.found("wrong")
		if len(wrong) != 2 || !strings.Contains(wrong[0].Text, "Gemm NT, 13 × 33 × 7") || !strings.Contains(wrong[0].Text, fastest.String()+" on 1 thread") ||
			!strings.Contains(wrong[0].Text, "row 1, column 2") {
			t.Errorf("%+v", wrong)
		}
		if e.report.Level != Failure {
			t.Errorf("the report is %s", e.report.Level)
		}
	}
	e := newTest(t)
	e.spoil(t, "Attention", func(*tensor.Device) bool { return true })
	e.selfTest()
	e.mustFind(t, "kernels", Failure, "1 wrong result of", "pure-Go path itself is wrong")
	if wrong := e.found("wrong"); len(wrong) != 1 || !strings.Contains(wrong[0].Text, "Attention") || !strings.Contains(wrong[0].Text, "digest") {
		t.Errorf("%+v", wrong)
	}
}

// spoil lets the second operation of that name compute a wrong bit on some
// devices, and leaves few others.
func (e *examination) spoil(t *testing.T, name string, on func(*tensor.Device) bool) {
	t.Helper()
	e.operations = slices.DeleteFunc(e.operations, func(op selftest.Operation) bool { return op.Name != name })
	good := e.operations[1].Run
	e.operations[1].Run = func(d *tensor.Device) []selftest.Output {
		out := good(d)
		if on(d) {
			v := &out[0].Values[out[0].Cols+2]
			*v = math.Nextafter(*v, 10)
		}
		return out
	}
}

// TestWrongRun: a run that ends in another state is a failure that names it.
func TestWrongRun(t *testing.T) {
	e := newTest(t)
	sums := e.runs["galore"]
	e.runs["galore"] = golden.Sums{Metrics: sums.Metrics, State: strings.Repeat("0", 64)}
	if err := e.goldenRuns(); err != nil {
		t.Fatal(err)
	}
	e.mustFind(t, "golden runs", Failure, "galore: ")
	if strings.Contains(e.found("golden runs")[0].Text, "relora") {
		t.Error("a run that is right is called wrong")
	}
}

// readOnly returns a folder that this user cannot write to.
func readOnly(t *testing.T) string {
	t.Helper()
	if os.Geteuid() == 0 {
		if runtime.GOOS != "linux" {
			t.Fatal("no folder is known here that root cannot write to: run the tests as another user")
		}
		return "/proc/self"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFolders: a folder that cannot be written to, and one that cannot be, are
// failures that say what to do.
func TestFolders(t *testing.T) {
	e := newTest(t)
	dir := readOnly(t)
	e.folder("--results", dir)
	e.mustFind(t, "files", Failure, dir, "--results DIR")

	e = newTest(t)
	e.folder("--cache", filepath.Join(dir, "deep", "down"))
	e.mustFind(t, "files", Failure, dir, "--cache DIR")
	e.mustFind(t, "folder", OK, "not there yet", "examined in "+dir)

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "results")} {
		e = newTest(t)
		e.folder("--results", dir)
		e.mustFind(t, "folder", Failure, file, "--results DIR")
	}

	e = newTest(t)
	e.folder("--results", e.Results)
	e.mustFind(t, "folder", OK, e.Results)
	level := OK
	if list := e.found("files"); len(list) == 1 && list[0].Values["seconds"].(float64) > slowSync.Seconds() { // a machine with much to do
		level = Warning
	}
	e.mustFind(t, "files", level, "a lock keeps a second process out")
}

// TestExclusive: what is locked already cannot be locked, and that shows.
func TestExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := exclusive(path); err != nil {
		t.Fatal(err)
	}
	held := flock.New(path)
	defer held.Close()
	if ok, err := held.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := exclusive(path); err == nil {
		t.Error("a lock that is held was taken")
	}
}

func TestUnknownISA(t *testing.T) {
	e := newTest(t)
	e.ISA = "mmx"
	e.vectorUnits()
	e.mustFind(t, "vector units", Failure, "mmx", "RANKLAB_ISA")
}

// TestBatchJob: Slurm's variables are shown where it sets them, and a job that
// would use processors of others is warned.
func TestBatchJob(t *testing.T) {
	for _, name := range slurm {
		t.Setenv(name, "")
	}
	e := newTest(t)
	e.batchJob()
	if len(e.report.Findings) != 0 {
		t.Errorf("%+v", e.report.Findings)
	}
	t.Setenv("SLURM_JOB_ID", "77")
	t.Setenv("SLURM_CPUS_PER_TASK", "2")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	e.batchJob()
	e.mustFind(t, "Slurm", OK, "JOB_ID=77", "CPUS_PER_TASK=2")
	runtime.GOMAXPROCS(3)
	e = newTest(t)
	e.batchJob()
	e.mustFind(t, "Slurm", Warning, "--threads 2")
}

// TestModuleCache: a module counts as there when it is unpacked or zipped, with
// capitals as the cache writes them.
func TestModuleCache(t *testing.T) {
	g := goEnv{Cache: t.TempDir()}
	for _, path := range []string{"gonum.org/v1/gonum@v0.17.0", "cache/download/github.com/!burnt!sushi/toml/@v"} {
		if err := os.MkdirAll(filepath.Join(g.Cache, filepath.FromSlash(path)), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(g.Cache, "cache", "download", "github.com", "!burnt!sushi", "toml", "@v", "v1.5.0.zip"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for module, want := range map[string]bool{
		"gonum.org/v1/gonum@v0.17.0": true, "gonum.org/v1/gonum@v0.16.0": false,
		"github.com/BurntSushi/toml@v1.5.0": true, "github.com/BurntSushi/toml@v1.4.0": false,
	} {
		if got := g.has(module); got != want {
			t.Errorf("%s: %v, want %v", module, got, want)
		}
	}
	if modules, err := shippedModules(); err != nil || !slices.Contains(modules, "gonum.org/v1/gonum@v0.17.0") {
		t.Errorf("%v, %v", modules, err)
	}
}

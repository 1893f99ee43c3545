package record

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// A Provenance says what made a result: the program, the data and the machine.
// It holds no host name and no path unless the user asked for them.
type Provenance struct {
	Schema          int      `json:"schema"`
	Revision        string   `json:"revision"` // git commit, or "unknown"
	Dirty           bool     `json:"dirty"`    // the working tree differed from Revision
	GoVersion       string   `json:"go_version"`
	OS              string   `json:"os"`
	Arch            string   `json:"arch"`
	GOAMD64         string   `json:"goamd64,omitempty"`
	Modules         []Module `json:"modules"`
	CPU             CPU      `json:"cpu"`
	CorpusDigest    string   `json:"corpus_digest"`
	TokenizerDigest string   `json:"tokenizer_digest"`
	InitDigest      string   `json:"init_digest,omitempty"` // of the weights of init.from
	NumericsVersion int      `json:"numerics_version"`
	Argv            []string `json:"argv,omitempty"` // only when asked
	Host            string   `json:"host,omitempty"` // only when asked
	// Attempt is the start that this provenance is of; the writer sets it.
	Attempt int `json:"attempt,omitempty"`
	// FromStep is the number of updates that this attempt took over from
	// earlier ones.
	FromStep int `json:"from_step,omitempty"`
	// Attempts lists what trained a run that not one program on one kind of
	// processor has trained from start to end, in order; the first is the one that the other fields
	// describe. The writer sets it.
	Attempts []AttemptProvenance `json:"attempts,omitempty"`
}

// An AttemptProvenance says which program carried a run on, from where and on which
// processor. The
// attempt's own provenance.json says more.
type AttemptProvenance struct {
	Attempt  int    `json:"attempt"`
	FromStep int    `json:"from_step"`
	Revision string `json:"revision"`
	Dirty    bool   `json:"dirty"`
	// GoVersion is that of the compiler.
	GoVersion string `json:"go_version"`
	CPU       string `json:"cpu,omitempty"` // model of the processor
}

func (p Provenance) attempt() AttemptProvenance {
	return AttemptProvenance{Attempt: p.Attempt, FromStep: p.FromStep, Revision: p.Revision, Dirty: p.Dirty, GoVersion: p.GoVersion, CPU: p.CPU.Model}
}

// carriedOnBy adds a later attempt that keeps updates of earlier ones. p keeps
// describing the first attempt.
func (p Provenance) carriedOnBy(next Provenance) Provenance {
	last := p.attempt()
	if n := len(p.Attempts); n > 0 {
		last = p.Attempts[n-1]
	}
	this := next.attempt()
	this.Attempt, this.FromStep = last.Attempt, last.FromStep
	if last.CPU == "" { // written by an earlier program
		this.CPU = ""
	}
	if last == this {
		return p
	}
	if len(p.Attempts) == 0 {
		p.Attempts = []AttemptProvenance{last}
	}
	p.Attempts = append(p.Attempts, next.attempt())
	return p
}

// A Module is a dependency that was compiled in.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// A CPU describes the processor.
type CPU struct {
	Model    string   `json:"model"`
	Cores    int      `json:"cores"`              // logical processors this process may use
	Features []string `json:"features,omitempty"` // vector instruction sets
}

// ThisCPU describes the processor of this machine.
func ThisCPU() CPU {
	cpu := readCPU()
	cpu.Cores = runtime.NumCPU()
	return cpu
}

// Collect fills in what the process can find out about itself. revision is the
// commit the program was linked with, ending in "+dirty" or, as git describe
// writes it, "-dirty" when its tree had changes, or "" when it was not linked with one; then it comes from the
// build's own stamp or, for a program started with "go run" inside its own
// working tree, from git. The digests and the numerics version are the caller's
// to add; identify adds the host name and the command line.
func Collect(revision string, identify bool) Provenance {
	p := Provenance{
		Schema:    Schema,
		GoVersion: runtime.Version(),
		OS:        runtime.GOOS,
		Arch:      runtime.GOARCH,
		CPU:       ThisCPU(),
	}
	p.Revision, p.Dirty = cutDirty(strings.TrimSpace(revision))
	if info, ok := debug.ReadBuildInfo(); ok {
		p.fromBuild(info)
	}
	if p.Revision == "" {
		p.Revision = "unknown"
	}
	if identify {
		p.Argv = os.Args
		p.Host, _ = os.Hostname() // a machine without a name has none to record
	}
	return p
}

func cutDirty(revision string) (clean string, dirty bool) {
	for _, mark := range []string{"+dirty", "-dirty"} {
		if clean, dirty := strings.CutSuffix(revision, mark); dirty {
			return clean, true
		}
	}
	return revision, false
}

func (p *Provenance) fromBuild(info *debug.BuildInfo) {
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		p.Modules = append(p.Modules, Module{Path: m.Path, Version: m.Version})
	}
	stamped, modified := "", false
	for _, s := range info.Settings {
		switch s.Key {
		case "GOAMD64":
			p.GOAMD64 = s.Value
		case "vcs.revision":
			stamped = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	switch {
	case p.Revision != "":
	case stamped != "":
		p.Revision, p.Dirty = stamped, modified
	default:
		p.Revision, p.Dirty = workingTree(info.Main.Path)
	}
}

// workingTree asks git about the current folder, provided that it belongs to
// the repository of the given module: a program that is used inside another
// project must not record that project's commit.
func workingTree(module string) (revision string, dirty bool) {
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return "", false
	}
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil || module == "" || !bytes.HasPrefix(mod, []byte("module "+module+"\n")) {
		return "", false
	}
	if revision, err = git("rev-parse", "HEAD"); err != nil {
		return "", false
	}
	changes, err := git("status", "--porcelain")
	return revision, err != nil || changes != ""
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

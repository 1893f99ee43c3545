package doctor

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/machine"
	"ranklab/tensor"
)

func (e *examination) program() {
	p := record.Collect(e.Revision, false)
	revision := p.Revision
	if len(revision) > 12 && revision != "unknown" {
		revision = revision[:12]
	}
	if p.Dirty {
		revision += "+dirty"
	}
	platform := p.OS + "/" + p.Arch
	if p.GOAMD64 != "" {
		platform += " " + p.GOAMD64
	}
	f := Finding{
		Subject: "ranklab", Level: OK,
		Text: fmt.Sprintf("%s, %s, %s, numerics version %d", revision, p.GoVersion, platform, spec.NumericsVersion),
		Values: map[string]any{
			"revision": p.Revision, "dirty": p.Dirty, "go_version": p.GoVersion, "os": p.OS, "arch": p.Arch, "goamd64": p.GOAMD64,
			"numerics_version": spec.NumericsVersion,
		},
	}
	switch {
	case p.Revision == "unknown":
		f.Level, f.Hint = Warning, "records will not say which program made them: build with `make build`, in a git repository"
	case p.GOAMD64 != "" && p.GOAMD64 != "v1":
		f.Level, f.Hint = Warning, "a compiler for "+p.GOAMD64+" may fuse operations that the program keeps apart: build with GOAMD64=v1, as the Makefile does"
	}
	e.find(f)
}

func (e *examination) machine() {
	e.processors()
	e.vectorUnits()
	e.memory()
}

func (e *examination) processors() {
	cpu, all, usable := record.ThisCPU(), machine.ReadProcessors(), runtime.GOMAXPROCS(0)
	e.find(Finding{Subject: "processor", Level: OK, Text: cpu.Model, Values: map[string]any{"model": cpu.Model, "features": cpu.Features}})

	online := max(all.Online, cpu.Cores)
	f := Finding{
		Subject: "cores", Level: OK, Text: fmt.Sprintf("%d logical, training uses %d", online, usable),
		Values: map[string]any{"online": online, "allowed": cpu.Cores, "quota": all.Quota, "usable": usable},
	}
	var limits []string
	if cpu.Cores < online {
		limits = append(limits, fmt.Sprintf("this process may run on %d", cpu.Cores))
	}
	if all.Quota > 0 {
		limits = append(limits, fmt.Sprintf("its control group grants the time of %.3g", all.Quota))
	}
	if v := os.Getenv("GOMAXPROCS"); v != "" {
		limits = append(limits, "GOMAXPROCS="+v)
	}
	if len(limits) > 0 {
		f.Text += " (" + strings.Join(limits, "; ") + ")"
	}
	if all.Quota > 0 && all.Quota < float64(usable)-0.5 {
		f.Level, f.Hint = Warning, fmt.Sprintf("threads will wait for each other: --threads %d", max(1, int(all.Quota)))
	}
	e.find(f)
}

// isa is the instruction set that training is to use, and Auto if there is none
// of that name.
func (e *examination) isa() (tensor.ISA, error) {
	if e.ISA == "" {
		return tensor.Auto, nil
	}
	return tensor.ParseISA(e.ISA)
}

func (e *examination) vectorUnits() {
	var names []string
	for _, i := range tensor.Supported() {
		names = append(names, i.String())
	}
	isa, err := e.isa()
	if err != nil {
		e.find(Finding{Subject: "vector units", Level: Failure, Text: err.Error(), Hint: "leave --isa out, and RANKLAB_ISA", Values: map[string]any{"supported": names}})
		return
	}
	used := isa.String()
	if isa == tensor.Auto {
		used = names[0]
	}
	f := Finding{
		Subject: "vector units", Level: OK, Text: fmt.Sprintf("%s; training uses %s", strings.Join(names, ", "), used),
		Values: map[string]any{"supported": names, "used": used},
	}
	switch {
	case len(names) == 1:
		f.Level, f.Hint = Warning, "there are kernels for AVX-512 and AVX2 only: elsewhere numbers are the same, but take a hundred times as long"
	case used != names[0]:
		f.Level, f.Hint = Warning, names[0]+" is faster and gives the same bits: leave --isa out, and RANKLAB_ISA"
	}
	e.find(f)
}

// littleMemory is what the runs of quick.toml take on two cores, and some.
const littleMemory = 512 << 20

func (e *examination) memory() {
	m := machine.ReadMemory()
	if m.Total == 0 {
		e.find(Finding{
			Subject: "memory", Level: Warning, Text: "not known on this system",
			Hint: "say what runs may use, or none is refused for its memory: ranklab sweep --memory 8GiB",
		})
		return
	}
	f := Finding{
		Subject: "memory", Level: OK, Text: fmt.Sprintf("%s, of which %s are free", size(m.Total), size(m.Free)),
		Values: map[string]any{"total": m.Total, "free": m.Free, "limit": m.Limit, "usable": m.Usable()},
	}
	if m.Limit > 0 {
		f.Text += "; the control group's limit is " + size(m.Limit)
	}
	if usable := min(m.Free, m.Usable()); usable < littleMemory {
		f.Level, f.Hint = Warning, "runs may fail or swap: end other programs, or say what runs may use with --memory"
	}
	e.find(f)
}

// slurm lists what a batch job of Slurm is told of its share.
var slurm = []string{
	"SLURM_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_NTASKS", "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU",
	"SLURM_TIMELIMIT",
}

// batchJob says what Slurm grants, where it runs this process.
func (e *examination) batchJob() {
	values := map[string]any{}
	var text []string
	for _, name := range slurm {
		if v := os.Getenv(name); v != "" {
			values[name] = v
			text = append(text, strings.TrimPrefix(name, "SLURM_")+"="+v)
		}
	}
	if len(text) == 0 {
		return
	}
	f := Finding{Subject: "Slurm", Level: OK, Text: strings.Join(text, " "), Values: values}
	granted, err := strconv.Atoi(os.Getenv("SLURM_CPUS_PER_TASK"))
	if err != nil {
		granted, err = strconv.Atoi(os.Getenv("SLURM_CPUS_ON_NODE"))
	}
	if usable := runtime.GOMAXPROCS(0); err == nil && granted > 0 && granted < usable {
		f.Level, f.Hint = Warning, fmt.Sprintf("the job has %d processors, but is not bound to them and would use %d: --threads %d", granted, usable, granted)
	}
	e.find(f)
}

// size prints bytes for people.
func size(bytes int64) string {
	switch b := float64(bytes); {
	case b < 1<<20:
		return fmt.Sprintf("%.0f KiB", b/(1<<10))
	case b < 1<<30:
		return fmt.Sprintf("%.0f MiB", b/(1<<20))
	default:
		return fmt.Sprintf("%.1f GiB", b/(1<<30))
	}
}

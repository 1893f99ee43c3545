package cli

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"ranklab/harness/doctor"
	"ranklab/harness/train"
)

type doctorCmd struct {
	ISA  string `name:"isa" help:"Instruction set of the golden runs, as for train: auto, avx512, avx2 or go. All of them are tested." default:"auto" env:"RANKLAB_ISA"`
	JSON bool   `name:"json" help:"Print JSON for a program to read."`
}

func (c doctorCmd) Run(v *env) error {
	// A second signal does not wait for the end of a run.
	defer v.exitOnKill()()
	debug.SetGCPercent(train.GCPercent) // so that the peak is that of a run
	o := doctor.Options{Results: v.results, Cache: v.cache, ISA: c.ISA, Revision: v.revision}
	p := doctor.NewPrinter(v.stdout)
	if !c.JSON {
		o.Tell = p.Finding
	}
	r, err := doctor.Examine(v.ctx, o)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(v.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = p.End(r)
	}
	if n := r.Count(doctor.Failure); err == nil && n > 0 {
		return exitError{train.ExitFailed, fmt.Sprintf("doctor: %d of %d findings are failures", n, len(r.Findings))}
	}
	return err
}

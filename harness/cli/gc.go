package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"ranklab/harness/gc"
	"ranklab/harness/train"
)

type gcCmd struct {
	Experiment  string `arg:"" optional:"" help:"Only the runs of this experiment, by its file or name. Default: everything."`
	DryRun      bool   `short:"n" help:"List what would be removed, and change nothing."`
	Checkpoints bool   `help:"Also the last checkpoints of finished runs. Their records stay, but they can no longer be exported."`
	Orphans     bool   `help:"Also runs that no stored sweep reaches, with their records."`
	Corpora     bool   `help:"Also vocabularies and tokens in the cache folder whose text is not cached any more."`
	JSON        bool   `name:"json" help:"Print JSON for a program to read."`
}

func (c gcCmd) Run(v *env) error {
	o := gc.Options{Results: v.results, Cache: v.cache, DryRun: c.DryRun, Checkpoints: c.Checkpoints, Orphans: c.Orphans, Corpora: c.Corpora}
	if c.Experiment != "" {
		if c.Orphans {
			return exitError{train.ExitUsage, "--orphans are the runs of no experiment: leave " + c.Experiment + " out"}
		}
		sweep, err := v.sweep(c.Experiment)
		if err != nil {
			return err
		}
		o.Experiment = sweep.Experiment
	}
	r, err := gc.Run(v.ctx, o) // the report is right even if something went wrong
	for _, l := range r.Left {
		fmt.Fprintf(v.stderr, "left alone: %s: %s\n", v.short(l.Path), strings.TrimPrefix(l.Why, l.Path+" "))
	}
	if c.JSON {
		enc := json.NewEncoder(v.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if e := enc.Encode(r); e != nil {
			return e
		}
		return err
	}
	if e := v.writeGC(v.stdout, r); e != nil {
		return e
	}
	return err
}

// writeGC prints what was removed for people.
func (v *env) writeGC(w io.Writer, r *gc.Report) error {
	for _, it := range r.Removed {
		why := ""
		if it.Why != "" {
			why = " (" + it.Why + ")"
		}
		fmt.Fprintf(w, "%10s  %s %s%s\n", size(it.Bytes), it.Kind, v.short(it.Path), why)
	}
	done, things := "freed", "things"
	if r.DryRun {
		done = "would free"
	}
	if len(r.Removed) == 1 {
		things = "thing"
	}
	if len(r.Removed) == 0 {
		_, err := fmt.Fprintln(w, "nothing to remove")
		return err
	}
	_, err := fmt.Fprintf(w, "%s %s: %d %s\n", done, size(r.Bytes), len(r.Removed), things)
	return err
}

// short writes a path below the results folder relative to it.
func (v *env) short(path string) string {
	if root, err := filepath.EvalSymlinks(v.results); err == nil {
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

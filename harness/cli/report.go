package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"ranklab/harness/report"
	"ranklab/internal/atomicfile"
)

type reportCmd struct {
	storedArg `embed:""`
	Output    string `short:"o" help:"File to write, or - for standard output. Default: RESULTS/reports/EXPERIMENT.html." type:"path" placeholder:"FILE"`
}

func (c reportCmd) Run(v *env) error {
	sweep, err := v.sweep(c.Experiment)
	if err != nil {
		return err
	}
	runs, err := sweep.Stored(v.results)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&page, sweep, runs); err != nil {
		return err
	}
	if c.Output == "-" {
		_, err := v.stdout.Write(page.Bytes())
		return err
	}
	path := c.Output
	if path == "" {
		path = filepath.Join(v.results, "reports", sweep.Experiment+".html")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(path, page.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(v.stdout, path)
	return err
}

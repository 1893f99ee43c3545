package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/report"
	"ranklab/harness/train"
	"ranklab/harness/view"
	"ranklab/internal/atomicfile"
)

// promises reads the finished runs of an experiment and what it declares of them.
func (v *env) promises(experiment string) (record.Sweep, []view.Row, view.Declarations, error) {
	sweep, rows, err := v.rows(experiment)
	if err != nil {
		return sweep, nil, view.Declarations{}, err
	}
	declared, err := view.Declared(sweep)
	return sweep, rows, declared, err
}

type claimsCmd struct {
	storedArg `embed:""`
	Strict    bool   `help:"An inconclusive claim is as bad as one that fails."`
	Format    string `short:"f" help:"One of ${enum}." enum:"text,markdown,json" default:"text"`
	jsonArg   `embed:""`
}

func (c claimsCmd) Run(v *env) error {
	sweep, rows, declared, err := v.promises(c.Experiment)
	if err != nil {
		return err
	}
	if len(declared.Claims) == 0 {
		fmt.Fprintf(v.stderr, "%s makes no claim: [[claim]] in its file would\n", sweep.Experiment)
	}
	verdicts, judged := declared.Judge(rows)
	if c.JSON {
		c.Format = report.JSON
	}
	if err := errors.Join(report.WriteClaims(v.stdout, sweep.Experiment, verdicts, c.Format), judged); err != nil {
		return err
	}
	count := func(result string) (n int) {
		for _, v := range verdicts {
			if v.Result == result {
				n++
			}
		}
		return n
	}
	failed, open := count(view.Fail), count(view.Inconclusive)
	if failed > 0 || c.Strict && open > 0 {
		return exitError{train.ExitMismatch, fmt.Sprintf("of %d claims %d fail and %d are inconclusive", len(verdicts), failed, open)}
	}
	return nil
}

type contractCmd struct {
	storedArg `embed:""`
	Format    string `short:"f" help:"One of ${enum}." enum:"text,markdown,json" default:"text"`
	jsonArg   `embed:""`
}

func (c contractCmd) Run(v *env) error {
	sweep, rows, declared, err := v.promises(c.Experiment)
	if err != nil {
		return err
	}
	if declared.Contract == nil {
		fmt.Fprintf(v.stderr, "%s has no contract: [contract] in its file would be one\n", sweep.Experiment)
		return nil
	}
	if c.JSON {
		c.Format = report.JSON
	}
	findings := view.Examine(*declared.Contract, rows)
	if err := report.WriteContract(v.stdout, sweep.Experiment, findings, c.Format); err != nil {
		return err
	}
	breaches := slices.DeleteFunc(findings, func(f view.Finding) bool { return len(f.Breaches) == 0 })
	if n := len(breaches); n > 0 {
		return exitError{train.ExitMismatch, fmt.Sprintf("%d of %d quantities break the contract", n, len(declared.Contract.Same))}
	}
	return nil
}

// promises writes the contract and the claims of a sweep, what there is of them,
// to w and as Markdown into a folder of tables.
func promises(w io.Writer, dir string, sweep record.Sweep, rows []view.Row) error {
	declared, err := view.Declared(sweep)
	if err != nil {
		return err
	}
	var errs []error
	both := func(name string, write func(w io.Writer, format string) error) {
		_, err := fmt.Fprintln(w)
		errs = append(errs, err, write(w, report.Text),
			atomicfile.WriteFunc(filepath.Join(dir, name), func(w io.Writer) error { return write(w, report.Markdown) }))
	}
	if declared.Contract != nil {
		findings := view.Examine(*declared.Contract, rows)
		both("contract.md", func(w io.Writer, format string) error {
			return report.WriteContract(w, sweep.Experiment, findings, format)
		})
	}
	if len(declared.Claims) > 0 {
		verdicts, err := declared.Judge(rows)
		errs = append(errs, err)
		both("claims.md", func(w io.Writer, format string) error {
			return report.WriteClaims(w, sweep.Experiment, verdicts, format)
		})
	}
	return errors.Join(errs...)
}

package view

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/stats"
)

// TuneSource is the Source of figures of trials: how results depend on the
// learning rate. Their x is "lr" or "effective_lr".
const TuneSource = "tune"

// Trials returns the finished runs by which the learning rates of a sweep were
// chosen, and those that have no result among runs.
func Trials(s record.Sweep, runs []record.Run) (rows []Row, pending []record.SweepRun) {
	return rowsOf(s, s.Trials(), runs)
}

// ofSource returns the rows that a figure is about: results, or trials.
func ofSource(rows []Row, source string) []Row {
	stage := ""
	if source == TuneSource {
		stage = record.Tune
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Stage != stage })
}

// chosenBy returns a value of the evaluation by which trials are chosen.
func chosenBy(pick func(record.EvalRow) record.Float) func(record.Run) float64 {
	return func(r record.Run) float64 {
		if row := r.Summary.Select; row != nil && row.Evaluated() {
			return float64(pick(*row))
		}
		return missing
	}
}

// SensitivityFigure is the figure of trials that is drawn when an experiment
// declares none.
func SensitivityFigure() Figure {
	return Figure{
		ID: "lr-sensitivity", Kind: Line, Title: "Sensitivity to the learning rate", Source: TuneSource,
		X: "effective_lr", Y: "select_loss", Group: []string{"method"}, XScale: Log,
	}
}

// TuningWarnings returns the warnings about the learning rates of a sweep; none if
// the experiment's file gives them all.
func TuningWarnings(s record.Sweep) []stats.Warning {
	var list []stats.Warning
	warn := func(kind stats.WarningKind, methods []string, format string, args ...any) {
		if len(methods) > 0 {
			list = append(list, stats.Warning{Kind: kind, Text: fmt.Sprintf(format, args...)})
		}
	}
	all := func(which func(record.Rate) bool) (methods []string) {
		for _, r := range s.Rates {
			if which(r) {
				methods = append(methods, r.Method)
			}
		}
		return methods
	}
	for _, edge := range []struct{ name, word string }{{"low", "lowest"}, {"high", "highest"}} {
		methods := all(func(r record.Rate) bool { return r.Edge == edge.name })
		warn(stats.EdgeOfGrid, methods, "the best learning rate of %s is the %s that was tried: a better one may lie beyond", strings.Join(methods, ", "), edge.word)
	}
	tuned := all(func(r record.Rate) bool { return r.Trials > 0 })
	var counts []int
	var budgets []string
	for _, r := range s.Rates {
		if r.Trials > 0 {
			counts = append(counts, r.Trials)
			budgets = append(budgets, fmt.Sprintf("%s %d", r.Method, r.Trials))
		}
	}
	if len(counts) > 0 && slices.Min(counts) != slices.Max(counts) {
		warn(stats.UnequalBudgets, tuned, "unequal tuning budgets, in learning rates tried: %s", strings.Join(budgets, ", "))
	}
	if given := all(func(r record.Rate) bool { return r.From == "" }); len(counts) > 0 {
		warn(stats.GivenRate, given, "the learning rate of %s was given, that of %s tuned: unequal tuning budgets", strings.Join(given, ", "), strings.Join(tuned, ", "))
	}
	var lengths []string
	other := all(func(r record.Rate) bool { return len(r.Steps) > 0 })
	for _, r := range s.Rates {
		if len(r.Steps) > 0 {
			lengths = append(lengths, fmt.Sprintf("%s in %d, its runs have %s", r.Method, r.TrialSteps, strings.Trim(fmt.Sprint(r.Steps), "[]")))
		}
	}
	warn(stats.OtherLength, other, "learning rates were tuned in runs of another number of updates: %s", strings.Join(lengths, "; "))
	stale := all(func(r record.Rate) bool { return r.Stale })
	warn(stats.StaleTuning, stale, "the learning rate of %s was tuned before its settings or those of the search changed", strings.Join(stale, ", "))
	return list
}

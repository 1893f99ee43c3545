package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/spec"
)

// A section is a named part of a measurement.
type section struct {
	name  string
	about string
	run   func(s *session, ctx context.Context) error
}

// sections lists what can be measured, in the order in which it is.
func sections() []section {
	return []section{
		{"machine", "the limits: multiply-adds per second, bytes per second", (*session).machine},
		{"gemm", "the matrix products of each preset, beside other libraries", (*session).gemm},
		{"ops", "every other operation of a step", (*session).ops},
		{"step", "forward and backward, and a full step of each method", (*session).step},
		{"refresh", "new projectors for all targets", (*session).refresh},
		{"memory", "the largest resident size of a run's process, beside its ledger", (*session).memory},
		{"parallel", "small runs side by side, one thread each", (*session).parallel},
	}
}

// Sections lists the names of the sections in order.
func Sections() []string {
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	return names
}

// About says what a section measures; "" if there is none of that name.
func About(name string) string {
	for _, s := range sections() {
		if s.name == name {
			return s.about
		}
	}
	return ""
}

// selectSections returns the sections of these names, in the order of
// [Sections]; none named are all.
func selectSections(names []string) ([]section, error) {
	for _, name := range names {
		if !slices.Contains(Sections(), name) {
			return nil, unknown("section", name, Sections())
		}
	}
	return slices.DeleteFunc(sections(), func(s section) bool {
		return len(names) > 0 && !slices.Contains(names, s.name)
	}), nil
}

// unknown is the error about a name that is not among the candidates.
func unknown(what, name string, candidates []string) error {
	guess := ""
	if c := spec.Nearest(name, candidates); c != "" {
		guess = fmt.Sprintf("did you mean %q? ", c)
	}
	return fmt.Errorf("unknown %s %q; %schoose from %s", what, name, guess, strings.Join(candidates, ", "))
}

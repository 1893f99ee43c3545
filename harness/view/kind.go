package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kinds lists the kinds of figure.
func Kinds() []string { return []string{Line, Bar, StackedBar, HeatMap, Frontier} }

// KindsWith lists the kinds of figure that a key of [[figure]] means something
// for: nil stands for all of them.
func KindsWith(key string) []string {
	switch key {
	case "stack":
		return []string{StackedBar}
	case "z", "zscale":
		return []string{HeatMap}
	case "band", "raw":
		return []string{Line}
	case "yscale":
		return []string{Line, Bar, Frontier}
	case "xscale":
		return []string{Line, Bar, StackedBar, Frontier}
	case "group":
		return []string{Line, Bar, Frontier}
	case "facet", "baseline":
		return []string{Line, Bar, HeatMap, Frontier}
	}
	return nil
}

// Bands lists the values of Figure.Band.
func Bands() []string { return []string{"ci95", NoBand} }

// NoBand is the value of Figure.Band that leaves intervals out.
const NoBand = "none"

// Formats lists the values of Figure.Formats in the order in which files are
// written.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// Along reports whether a figure shows what happens along a run: its x axis is
// no property of a run but a clock.
func (f Figure) Along() bool {
	return f.Source == "" && f.Kind == Line && (IsCurve(f.X) || f.X == "seconds")
}

// checkKeys refuses keys that mean nothing for the kind of the figure, and
// values that they do not take.
func (f Figure) checkKeys() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for key, set := range map[string]bool{"z": f.Z != "", "zscale": f.ZScale != "", "band": f.Band != "", "raw": f.Raw, "facet": f.Facet != ""} {
		if kinds := KindsWith(key); set && !slices.Contains(kinds, f.Kind) {
			bad("%s belongs to a %s", key, strings.Join(kinds, ", "))
		}
	}
	if f.Band != "" && !slices.Contains(Bands(), f.Band) {
		bad("band %q: want ci95 or none", f.Band)
	}
	if !slices.Contains([]string{"", Linear, Log}, f.ZScale) {
		bad("zscale %q: want linear or log", f.ZScale)
	}
	for _, format := range f.Formats {
		if !slices.Contains(Formats(), format) {
			bad("format %q: want svg, png or pdf", format)
		}
	}
	switch f.Kind {
	case HeatMap:
		if f.Z == "" {
			bad("z is missing: the column that the colours of a heat_map show")
		}
		if f.XScale != "" || f.YScale != "" {
			bad("a heat_map has categories on both axes: leave xscale and yscale out")
		}
		if len(f.Group) > 0 {
			bad("a heat_map has no group: x and y tell its cells apart")
		}
		if f.X != "" && f.X == f.Y {
			bad("a heat_map needs two different columns as x and y")
		}
		if f.Source == "" && (IsCurve(f.X) || IsCurve(f.Y)) {
			bad("a heat_map cannot have %s on an axis", map[bool]string{true: f.X, false: f.Y}[IsCurve(f.X)])
		}
	case Frontier:
		if f.X == "step" || f.Y == "step" {
			bad("a frontier shows one point per configuration: step is no column of a run")
		}
		if f.XScale == Category {
			bad("a frontier needs numbers on its x axis: xscale is linear or log")
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

package view

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"ranklab/harness/stats"
)

// A Chart is the data of one figure, ready to be drawn.
type Chart struct {
	Figure     Figure
	X, Y       Column
	XScale     string   // Linear | Log | Category
	Categories []string // ticks of a Category axis; a point's X is an index into it
	Series     []Series
	Baselines  []Series // one point each, whose X has no meaning
	Overlays   []Series // published numbers, drawn as marks of no run: see Overlays
	Warnings   []string // what a reader must know beside the picture
	Absent     []string // those of the warnings that name what where asks for and no run has
	// Skip says why there is nothing to draw although the figure is declared
	// well: every run diverged, or those that it shows are not finished yet.
	Skip string
}

// A Series is one line, or the bars of one colour.
type Series struct {
	Label  string
	Method string // name of the method's table; "" for a category of memory
	Kind   string // kind of the method
	Points []Point
}

// A Point is the mean over the seeds of one configuration.
type Point struct {
	X, Y     float64  // Y is NaN when every run diverged
	Lo, Hi   float64  // 95 % interval of the mean; NaN when there is none
	N        int      // runs averaged
	Diverged int      // runs left out because they diverged
	Method   string   // as in Series, for bars whose x axis is the method
	Kind     string   //
	Chosen   bool     // of trials: the one whose rate was chosen
	IDs      []string // short ids of all runs behind the point
}

// Query evaluates a figure over the finished rows of an experiment, of which
// pending runs have no result yet.
//
// Runs that differ only in the seed are averaged; runs that differ in anything
// else inside a group are an error of type [*HiddenDimensionError]. A figure
// that asks for what no run has is an error too, but as long as runs are pending
// it is only skipped, as is one of which every run diverged: see Chart.Skip.
func Query(f Figure, rows []Row, pending int) (Chart, error) {
	c := Chart{Figure: f, X: Describe(f.X), Y: Describe(f.Y), XScale: f.XScale}
	err := checkFigure(f)
	if err == nil {
		err = c.query(rows, pending)
	}
	if pending > 0 && onlyAbsent(err) {
		c.Skip, err = fmt.Sprintf("%v; %s not finished yet", err, runs(pending)), nil
	}
	if err != nil {
		return c, fmt.Errorf("figure %q: %w", f.ID, err)
	}
	return c, nil
}

func (c *Chart) query(rows []Row, pending int) error {
	rows = ofSource(rows, c.Figure.Source)
	if len(rows) == 0 {
		return &AbsentError{"no run is finished"}
	}
	f := c.Figure
	where := f.Where
	var categories []any
	if f.Kind == StackedBar {
		where, categories = splitCategories(f.Where)
	}
	selected, notes, err := filter(rows, where)
	if err != nil {
		return err
	}
	c.absent("", notes)
	if note := machineNote([]Column{c.X, c.Y}, selected); note != "" {
		c.warn("%s", note)
	}
	names := methodNames(rows)
	if len(f.Baseline) > 0 {
		if selected, err = c.addBaselines(rows, selected, names, pending); err != nil {
			return err
		}
	}
	switch {
	case f.Kind == StackedBar:
		err = c.stack(selected, categories, names)
	case IsCurve(f.X):
		err = c.curves(selected, names)
	default:
		err = c.points(selected, names)
	}
	if err != nil {
		return err
	}
	if c.skipEmpty(selected); c.Skip != "" {
		return nil
	}
	if len(c.Series) == 0 {
		return &AbsentError{"no finished run is left to draw"}
	}
	return c.checkLog()
}

// skipEmpty marks a chart that has no point with a value, though runs that
// could have one.
func (c *Chart) skipEmpty(selected []Row) {
	for _, s := range c.Series {
		if slices.ContainsFunc(s.Points, func(p Point) bool { return !math.IsNaN(p.Y) }) {
			return
		}
	}
	diverged := 0
	for _, r := range selected {
		if r.Diverged {
			diverged++
		}
	}
	switch {
	case diverged > 0 && diverged == len(selected):
		c.Skip = "every run that it shows diverged"
	case len(c.Series) > 0:
		c.Skip = "no run that it shows has a value of " + c.Y.Header
		if diverged > 0 {
			c.Skip += fmt.Sprintf("; %d of %s diverged", diverged, runs(len(selected)))
		}
	}
}

// runs counts runs in words.
func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}

// checkFigure refuses declarations that mean nothing.
func checkFigure(f Figure) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains([]string{Line, Bar, StackedBar}, f.Kind) {
		bad("kind %q: want line, bar or stacked_bar", f.Kind)
	}
	if !slices.Contains([]string{"", Linear, Log, Category}, f.XScale) {
		bad("xscale %q: want linear, log or category", f.XScale)
	}
	if !slices.Contains([]string{"", Linear, Log}, f.YScale) {
		bad("yscale %q: want linear or log", f.YScale)
	}
	if f.X == "" {
		bad("x is missing")
	}
	if f.Y == "" {
		bad("y is missing")
	}
	if f.Kind != Line {
		if IsCurve(f.X) {
			bad("a %s cannot have %s on its x axis", f.Kind, f.X)
		}
		if f.XScale == Linear || f.XScale == Log {
			bad("a %s has categories on its x axis: leave xscale out", f.Kind)
		}
		if f.YScale == Log {
			bad("the length of a bar means nothing on a log scale")
		}
	}
	if f.Kind == StackedBar {
		if f.Y != "bytes" || f.Stack != "" && f.Stack != "category" {
			bad(`a stacked_bar shows y = "bytes" with stack = "category"`)
		}
		if len(f.Baseline) > 0 || len(f.Group) > 0 {
			bad("a stacked_bar has neither baseline nor group")
		}
	} else if f.Stack != "" {
		bad("stack belongs to a stacked_bar")
	}
	return errors.Join(errs...)
}

// groupColumns returns the columns that tell the series apart; by default the
// method, unless it is the x axis.
func (c *Chart) groupColumns() []string {
	if len(c.Figure.Group) > 0 {
		return c.Figure.Group
	}
	if c.Figure.X == "method" || c.Figure.X == "label" {
		return nil
	}
	return []string{"method"}
}

// points makes one point per value of x.
func (c *Chart) points(rows []Row, names map[string]string) error {
	f := c.Figure
	for _, name := range append([]string{f.X, f.Y}, c.groupColumns()...) {
		if err := checkColumn(name, rows); err != nil {
			return err
		}
	}
	if !c.Y.Metric && !allNumbers(rows, f.Y) {
		return fmt.Errorf("y = %q is not a number", f.Y)
	}
	rows = c.withX(rows)
	if err := c.placeX(rows, names); err != nil {
		return err
	}
	for _, g := range groupBy(rows, c.groupColumns()) {
		s := g.series(names)
		for _, cell := range groupBy(g.rows, append(slices.Clone(c.groupColumns()), f.X)) {
			if err := cell.checkHidden(); err != nil {
				return err
			}
			where := s.Label
			if f.X != "method" && f.X != "label" {
				where = fmt.Sprintf("%s, %s %s", where, c.X.Header, Format(cell.rows[0].Value(f.X)))
			}
			p, err := c.average(cell, where)
			if err != nil {
				return err
			}
			p.X = c.xOf(cell.rows[0], names)
			s.Points = append(s.Points, p)
		}
		c.Series = append(c.Series, s)
	}
	return nil
}

func (g group) series(names map[string]string) Series {
	s := Series{Label: g.label(names), Method: g.rows[0].Method, Kind: g.rows[0].Kind}
	for _, r := range g.rows { // a group across methods has no colour of its own
		if r.Method != s.Method {
			s.Method = ""
		}
		if r.Kind != s.Kind {
			s.Kind = ""
		}
	}
	return s
}

// withX leaves out rows without a value on the x axis and says so.
func (c *Chart) withX(rows []Row) []Row {
	var kept []Row
	var dropped []string
	for _, r := range rows {
		if r.Value(c.Figure.X) != nil {
			kept = append(kept, r)
		} else if !slices.Contains(dropped, r.Method) {
			dropped = append(dropped, r.Method)
		}
	}
	if len(dropped) > 0 {
		c.warn("without %s, so not shown: %s", c.X.Header, strings.Join(dropped, ", "))
	}
	return kept
}

// placeX decides the scale of the x axis and its categories.
func (c *Chart) placeX(rows []Row, names map[string]string) error {
	var values []any
	for _, r := range rows {
		values = append(values, r.Value(c.Figure.X))
	}
	values = distinct(values)
	if c.XScale == "" {
		c.XScale = Linear
		if c.Figure.Kind != Line || !onlyNumbers(values) {
			c.XScale = Category
		}
	}
	if c.XScale != Category {
		if !onlyNumbers(values) {
			return fmt.Errorf("%s has values that are not numbers (%s): use xscale = %q", c.Figure.X, formatList(values), Category)
		}
		return nil
	}
	for _, v := range values {
		c.Categories = append(c.Categories, c.categoryName(v, names))
	}
	return nil
}

func (c *Chart) categoryName(v any, names map[string]string) string {
	if name, ok := v.(string); ok && c.Figure.X == "method" {
		return names[name]
	}
	return Format(v)
}

func (c *Chart) xOf(r Row, names map[string]string) float64 {
	v := r.Value(c.Figure.X)
	if c.XScale == Category {
		return float64(slices.Index(c.Categories, c.categoryName(v, names)))
	}
	return v.(float64)
}

// average makes the point of a cell whose rows differ in the seed only.
func (c *Chart) average(cell group, series string) (Point, error) {
	s := cell.series(nil)
	p := Point{Method: s.Method, Kind: s.Kind, Chosen: cell.rows[0].Chosen}
	var values []float64
	for _, r := range cell.rows {
		p.IDs = append(p.IDs, shortID(r.ID))
		if r.Diverged && !c.Y.Exact {
			p.Diverged++
			continue
		}
		if v, ok := r.Value(c.Figure.Y).(float64); ok && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if c.Y.Exact {
		if err := checkExact(c.Figure.Y, cell.name(), values); err != nil {
			return p, err
		}
		values = values[:min(len(values), 1)]
	}
	m := stats.Of(values)
	p.N, p.Y, p.Lo, p.Hi = m.N, m.Value, m.Lo, m.Hi
	c.remark(m, p.Diverged, len(cell.rows), series)
	return p, nil
}

// remark turns what happened to a mean into warnings.
func (c *Chart) remark(m stats.Mean, diverged, runs int, series string) {
	switch {
	case diverged > 0:
		c.warn("%s: %s diverged", series, ofRuns(diverged, runs))
	case m.N == 0:
		c.warn("%s: %s not measured", series, c.Y.Header)
	}
	if m.N == 1 && c.Y.Metric && !c.Y.Exact {
		c.warn("%s", m.Warning)
	}
}

func ofRuns(n, runs int) string {
	if runs == 1 {
		return "the run"
	}
	return fmt.Sprintf("%d of %d seeds", n, runs)
}

// warn adds a warning once.
func (c *Chart) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(c.Warnings, text) {
		c.Warnings = append(c.Warnings, text)
	}
}

// absent warns of what where asks for in vain.
func (c *Chart) absent(lead string, notes []string) {
	for _, note := range notes {
		c.warn("%s%s", lead, note)
		c.Absent = append(c.Absent, lead+note)
	}
}

// checkExact makes sure that a quantity without noise has one value.
func checkExact(column, where string, values []float64) error {
	for _, v := range values {
		if v != values[0] {
			return fmt.Errorf("%s of %s differs between seeds (%s, %s): it should be exact", column, where, formatNumber(values[0]), formatNumber(v))
		}
	}
	return nil
}

// addBaselines averages the rows that Baseline selects, one line per method,
// and returns the other selected rows. While runs are pending the figure may
// lack its baselines.
func (c *Chart) addBaselines(rows, selected []Row, names map[string]string, pending int) ([]Row, error) {
	base, notes, err := filter(rows, c.Figure.Baseline)
	if pending > 0 && onlyAbsent(err) {
		c.absent("baseline: ", []string{err.Error()})
		return selected, nil
	}
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	c.absent("baseline: ", notes)
	for _, g := range groupBy(base, []string{"method"}) {
		if err := g.checkHidden(); err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
		s := g.series(names)
		p, err := c.average(g, s.Label)
		if err != nil {
			return nil, err
		}
		s.Points = []Point{p}
		c.Baselines = append(c.Baselines, s)
	}
	return slices.DeleteFunc(slices.Clone(selected), func(r Row) bool {
		return slices.ContainsFunc(base, func(b Row) bool { return b.ID == r.ID })
	}), nil
}

// checkLog refuses values that a log scale cannot show.
func (c *Chart) checkLog() error {
	for i, s := range slices.Concat(c.Series, c.Baselines) {
		for _, p := range s.Points {
			if c.XScale == Log && p.X <= 0 && i < len(c.Series) {
				return fmt.Errorf("%s = %s does not fit a log scale", c.Figure.X, formatNumber(p.X))
			}
			if c.Figure.YScale == Log && p.Y <= 0 {
				return fmt.Errorf("%s = %s does not fit a log scale", c.Figure.Y, formatNumber(p.Y))
			}
		}
	}
	return nil
}

func onlyNumbers(values []any) bool {
	return !slices.ContainsFunc(values, func(v any) bool { _, ok := v.(float64); return !ok })
}

func allNumbers(rows []Row, column string) bool {
	return !slices.ContainsFunc(rows, func(r Row) bool { _, ok := r.Value(column).(float64); return !ok })
}

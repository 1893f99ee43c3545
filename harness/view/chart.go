package view

import (
	"fmt"
	"math"
	"slices"

	"ranklab/harness/stats"
)

// A Chart is the data of one figure, ready to be drawn.
type Chart struct {
	Figure     Figure
	X, Y, Z    Column   // Z: the colours of a heat map
	XScale     string   // Linear | Log | Category
	Categories []string // ticks of a Category axis; a point's X is an index into it
	// YCategories are the rows of a heat map, whose series are its rows.
	YCategories []string
	Beyond      []Beyond // values behind the numbers of the x axis
	Panels      []string // facets in order; empty: one panel without a name
	Series      []Series
	Baselines   []Series // one point each, whose X has no meaning
	Lines       []Series // what to compare with, as a chance level: grey, one point or a line
	Overlays    []Series // published numbers: grey marks
	Warnings    []string // what a reader must know beside the picture
	Absent      []string // those of the warnings that name what where asks for and no run has
	// Skip says why there is nothing to draw although the figure is declared
	// well: every run diverged, or those that it shows are not finished yet.
	Skip string
}

// A Series is one line, or the bars of one colour.
type Series struct {
	Label  string
	Method string // name of the method's table; "" for a category of memory
	Kind   string // kind of the method
	Panel  string // the facet that shows it; "": all
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
	Each     []Each   // the runs one by one, for Figure.Raw

	// Of a frontier:
	Label    string  // the configuration within its series: "rank 32"
	XLo, XHi float64 // 95 % interval of x; NaN when there is none
	Front    bool    // no other point is better in both directions
}

// An Each is one run of a point.
type Each struct {
	ID   string // short
	Seed int
	X, Y float64
}

// Query evaluates a figure over the finished rows of an experiment, of which
// pending runs have no result yet.
//
// Runs that differ only in the seed are averaged; runs that differ in anything
// else inside a group are an error of type [*HiddenDimensionError]. A figure
// that asks for what no run has is an error too, but as long as runs are pending
// it is only skipped, as is one of which every run diverged: see Chart.Skip.
func Query(f Figure, rows []Row, pending int) (Chart, error) {
	c := Chart{Figure: f, X: Describe(f.X), Y: Describe(f.Y), Z: Describe(f.Z), XScale: f.XScale}
	if f.Along() && f.X == "seconds" {
		c.X.Header = "elapsed time"
	}
	err := f.check()
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
	if f.Source == Subspace {
		c.X.Kind = Plain // refreshes happen at numbers that mean something
		var err error
		if rows, err = c.subspaceRows(rows, f.looked()); err != nil {
			return err
		}
	}
	selected, notes, err := filter(rows, where)
	if err != nil {
		return err
	}
	c.absent("", notes)
	for _, note := range []string{machineNote([]Column{c.X, c.Y, c.Z}, selected), busyNote([]Column{c.X, c.Y, c.Z}, selected)} {
		if note != "" {
			c.warn("%s", note)
		}
	}
	names := methodNames(rows)
	c.warnOf(selected, names)
	if len(f.Baseline) > 0 {
		if selected, err = c.addBaselines(rows, selected, names, pending); err != nil {
			return err
		}
	}
	switch {
	case f.Source == Subspace:
		err = c.subspaces(selected, names)
	case f.Kind == StackedBar:
		err = c.stack(selected, categories, names)
	case f.Kind == HeatMap:
		err = c.heat(selected, names)
	case f.Kind == Frontier:
		err = c.frontier(selected, names)
	case f.Along():
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
		c.Skip = "no run that it shows has a value of " + c.measure().Header
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
	rows, err := c.placePanels(c.withX(rows), names)
	if err != nil {
		return err
	}
	if err := c.placeX(rows, names); err != nil {
		return err
	}
	for _, g := range groupBy(rows, c.groupColumns()) {
		for _, part := range c.shares(g, names) {
			s := g.series(names)
			s.Panel = part.panel
			for _, cell := range groupBy(part.rows, append(slices.Clone(c.groupColumns()), f.X)) {
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
				for i := range p.Each {
					p.Each[i].X = p.X
				}
				s.Points = append(s.Points, p)
			}
			c.Series = append(c.Series, s)
		}
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
	return c.having(rows, c.Figure.X)
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
			return c.placeBeyond(values)
		}
		return nil
	}
	c.Categories = categories(c.Figure.X, rows, names)
	return nil
}

// categoryName names a value of x.
func (c *Chart) categoryName(v any, names map[string]string) string {
	return categoryName(c.Figure.X, v, names)
}

func (c *Chart) xOf(r Row, names map[string]string) float64 {
	v := r.Value(c.Figure.X)
	if c.XScale == Category {
		return float64(slices.Index(c.Categories, c.categoryName(v, names)))
	}
	for _, b := range c.Beyond {
		if b.Name == Format(v) {
			return b.At
		}
	}
	return v.(float64)
}

// average makes the point of a cell whose rows differ in the seed only.
func (c *Chart) average(cell group, series string) (Point, error) {
	s, y := cell.series(nil), c.measure()
	p := Point{Method: s.Method, Kind: s.Kind, Chosen: cell.rows[0].Chosen}
	var values []float64
	for _, r := range cell.rows {
		p.IDs = append(p.IDs, shortID(r.ID))
		if r.Diverged && !y.Exact {
			p.Diverged++
			continue
		}
		if v, ok := r.Value(y.Name).(float64); ok && !math.IsInf(v, 0) {
			values = append(values, v)
			if c.Figure.Raw {
				p.Each = append(p.Each, Each{ID: shortID(r.ID), Seed: r.Seed, Y: v})
			}
		}
	}
	if y.Exact {
		if err := checkExact(y.Name, cell.name(), values); err != nil {
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
		c.warn("%s: %s not measured", series, c.measure().Header)
	}
	if y := c.measure(); m.N == 1 && y.Metric && !y.Exact {
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
	rest := slices.DeleteFunc(slices.Clone(selected), func(r Row) bool {
		return slices.ContainsFunc(base, func(b Row) bool { return b.ID == r.ID })
	})
	for _, g := range groupBy(base, []string{"method"}) {
		for _, part := range c.baselineShares(g, rest, names) {
			if err := part.checkHidden(); err != nil {
				return nil, fmt.Errorf("baseline: %w", err)
			}
			s := part.series(names)
			s.Panel = part.panel
			p, err := c.average(part.group, s.Label)
			if err != nil {
				return nil, err
			}
			s.Points = []Point{p}
			c.Baselines = append(c.Baselines, s)
		}
	}
	return rest, nil
}

// checkLog refuses values that a log scale cannot show.
func (c *Chart) checkLog() error {
	for i, s := range slices.Concat(c.Series, c.Baselines) {
		for _, p := range s.Points {
			if c.XScale == Log && p.X <= 0 && i < len(c.Series) {
				return fmt.Errorf("%s = %s does not fit a log scale", c.Figure.X, formatNumber(p.X))
			}
			if (c.Figure.YScale == Log || c.Figure.ZScale == Log) && p.Y <= 0 {
				return fmt.Errorf("%s = %s does not fit a log scale", c.measure().Name, formatNumber(p.Y))
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

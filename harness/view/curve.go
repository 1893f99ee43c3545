package view

import (
	"maps"
	"math"
	"slices"

	"ranklab/harness/record"
	"ranklab/harness/stats"
)

// IsCurve reports whether an x column runs along a run.
func IsCurve(x string) bool { return x == "step" || x == "tokens_seen" || x == "positions" }

// residentBytes is the column of the resident size along a run.
const residentBytes = "rss_bytes"

// curveResults lists the columns that have values along a run.
func curveResults() []string {
	return []string{"loss", "ppl", "bits_per_byte", "ppl_galore77", "train_loss", "grad_norm", "lr", residentBytes}
}

// A sample is one value along a run.
type sample struct {
	step int
	x, y float64
}

// samples reads a curve of one run: y is a column of its evaluations, or
// train_loss, grad_norm or lr of its training rows.
func samples(m record.Metrics, split, x, y string) []sample {
	at := func(step int, tokens, positions int64) float64 {
		switch x {
		case "tokens_seen":
			return float64(tokens)
		case "positions":
			return float64(positions)
		}
		return float64(step)
	}
	var list []sample
	ofEval := map[string]func(record.EvalRow) record.Float{
		"loss":          func(e record.EvalRow) record.Float { return e.Loss },
		"ppl":           func(e record.EvalRow) record.Float { return e.PPL },
		"bits_per_byte": func(e record.EvalRow) record.Float { return e.BitsPerByte },
		"ppl_galore77":  func(e record.EvalRow) record.Float { return e.PPLGalore77 },
	}
	if pick, ok := ofEval[y]; ok {
		for _, e := range m.Eval {
			if e.Split == split {
				list = append(list, sample{e.Step, at(e.Step, e.TokensSeen, e.Positions), float64(pick(e))})
			}
		}
		return list
	}
	ofTrain := map[string]func(record.TrainRow) record.Float{
		"train_loss": func(t record.TrainRow) record.Float { return t.Loss },
		"grad_norm":  func(t record.TrainRow) record.Float { return t.GradNorm },
		"lr":         func(t record.TrainRow) record.Float { return t.LR },
	}
	pick, ok := ofTrain[y]
	if !ok {
		panic("view: " + y + " is none of curveResults")
	}
	for _, t := range m.Train {
		list = append(list, sample{t.Step, at(t.Step, t.TokensSeen, t.Positions), float64(pick(t))})
	}
	return list
}

// residence reads the resident size along a run: the largest at each step.
func residence(r Row) []sample {
	var list []sample
	for _, s := range r.RSS {
		if n := len(list); n > 0 && list[n-1].step == s.Step {
			list[n-1].y = max(list[n-1].y, float64(s.Bytes))
			continue
		}
		list = append(list, sample{s.Step, float64(s.Step), float64(s.Bytes)})
	}
	return list
}

// curves makes one line per group: the mean over seeds at each step. Tokens
// are averaged too, since with padding they depend on the order of the data.
func (c *Chart) curves(rows []Row, names map[string]string) error {
	if c.XScale == "" {
		c.XScale = Linear
	}
	for _, name := range c.groupColumns() {
		if err := checkColumn(name, rows); err != nil {
			return err
		}
	}
	rows, err := c.placePanels(rows, names)
	if err != nil {
		return err
	}
	for _, g := range groupBy(rows, c.groupColumns()) {
		for _, part := range c.shares(g, names) {
			if err := part.checkHidden(); err != nil {
				return err
			}
			s := g.series(names)
			s.Panel = part.panel
			points, err := c.curve(part.group, s.Label)
			if err != nil {
				return err
			}
			if len(points) == 0 {
				c.nothing(s.Label)
				continue
			}
			s.Points = points
			c.Series = append(c.Series, s)
		}
	}
	if len(c.Series) == 0 && c.Figure.X == "seconds" {
		c.Skip = "no timings were kept of the runs that it shows"
	}
	return nil
}

// nothing warns of a series that has no point.
func (c *Chart) nothing(series string) {
	if c.Figure.X == "seconds" {
		c.warn("%s: no timings kept, so not shown", series)
		return
	}
	c.warn("%s: nothing recorded for %s", series, c.Y.Header)
}

// A seeded sample knows its run.
type seeded struct {
	sample
	id   string
	seed int
}

// curve averages the runs of a group that did not diverge. When all did, it
// shows how far they got, and its last point carries the mark.
func (c *Chart) curve(g group, series string) ([]Point, error) {
	averaged := slices.DeleteFunc(slices.Clone(g.rows), func(r Row) bool { return r.Diverged })
	diverged := len(g.rows) - len(averaged)
	if len(averaged) == 0 {
		averaged = g.rows
	}
	byStep := map[int][]seeded{}
	var ids []string
	for _, r := range averaged {
		m, err := r.Metrics()
		if err != nil {
			return nil, err
		}
		split := ""
		if n := len(m.Eval); n > 0 {
			split = m.Eval[n-1].Split
		}
		var list []sample
		if c.Figure.Y == residentBytes {
			list = residence(r)
		} else {
			list = samples(m, split, c.Figure.X, c.Figure.Y)
		}
		if c.Figure.X == "seconds" {
			elapsed, err := r.clock()
			if err != nil {
				return nil, err
			}
			list = elapsed.onClock(list)
		}
		for _, s := range list {
			if !math.IsNaN(s.y) && !math.IsInf(s.y, 0) && !(c.XScale == Log && s.x <= 0) {
				byStep[s.step] = append(byStep[s.step], seeded{s, shortID(r.ID), r.Seed})
			}
		}
		ids = append(ids, shortID(r.ID))
	}
	var points []Point
	fewest := len(averaged)
	for _, step := range slices.Sorted(maps.Keys(byStep)) {
		var x float64
		var ys []float64
		var each []Each
		for _, s := range byStep[step] {
			x += s.x / float64(len(byStep[step]))
			ys = append(ys, s.y)
			if c.Figure.Raw {
				each = append(each, Each{s.id, s.seed, s.x, s.y})
			}
		}
		m := stats.Of(ys)
		points = append(points, Point{X: x, Y: m.Value, Lo: m.Lo, Hi: m.Hi, N: m.N, IDs: ids, Each: each})
		fewest = min(fewest, m.N)
	}
	if len(points) > 0 && diverged == len(g.rows) {
		points[len(points)-1].Diverged = diverged
	}
	if diverged > 0 {
		c.warn("%s: %s diverged", series, ofRuns(diverged, len(g.rows)))
	}
	if fewest == 1 && len(averaged) == 1 {
		c.warn("%s", stats.Of([]float64{0}).Warning)
	} else if fewest < len(averaged) {
		c.warn("%s: not every seed has every point", series)
	}
	return points, nil
}

func shortID(id string) string { return record.ShortID(id) }

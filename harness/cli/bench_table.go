package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"ranklab/harness/bench"
	"ranklab/internal/memory"
)

func writeBenchJSON(w io.Writer, r *bench.Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// writeBench prints a report for people: what was measured on what, then a
// table per section.
func writeBench(w io.Writer, r *bench.Report) error {
	m, p := r.Machine, r.Program
	revision := p.Revision
	if p.Dirty {
		revision += "+dirty"
	}
	fmt.Fprintf(w, "%s, %d cores, %s/%s; kernels %s, threads %d\n", m.CPU.Model, m.CPU.Cores, m.OS, m.Arch, m.ISA, m.Threads)
	fmt.Fprintf(w, "ranklab %s, %s; %s\n", revision, p.GoVersion, r.Time.Format("2006-01-02 15:04 UTC"))
	for _, l := range r.Libraries {
		fmt.Fprintf(w, "beside %s\n", &l)
	}
	fmt.Fprintf(w, "medians of up to %d runs (least – most); shares of the limit measured right before: %s multiply-adds, or memory\n", r.Settings.Runs, m.Peak)
	tables := map[string]func(io.Writer, *bench.Report, []bench.Figure) error{
		"machine": machineTable, "gemm": gemmTable, "ops": opsTable, "step": stepTable, "refresh": refreshTable,
		"memory": memoryTable, "parallel": parallelTable,
	}
	for _, name := range r.Settings.Sections {
		var figures []bench.Figure
		for _, f := range r.Figures {
			if f.Section == name {
				figures = append(figures, f)
			}
		}
		if len(figures) == 0 && (name != "memory" || len(r.Occupancies) == 0) {
			continue
		}
		fmt.Fprintf(w, "\n%s: %s\n\n", name, bench.About(name))
		if err := tables[name](w, r, figures); err != nil {
			return err
		}
	}
	for i, note := range r.Notes {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "note: "+note)
	}
	return nil
}

// printRows prints a table whose first columns are text.
func printRows(w io.Writer, text int, header []string, rows [][]string) error {
	t := newTable(w, text, header)
	for _, row := range rows {
		if err := t.Append(row); err != nil {
			return err
		}
	}
	return t.Render()
}

func machineTable(w io.Writer, r *bench.Report, figures []bench.Figure) error {
	var rows [][]string
	for _, f := range figures {
		arrays, share := "", ""
		if f.Share != nil {
			share = percent(f.Share.Median)
		}
		if len(f.Shape) > 0 {
			arrays = size(4 * int64(f.Shape[1]))
		}
		rows = append(rows, []string{f.Name, arrays, digits(f.Rate.Median), between(f.Rate), f.Unit, share})
	}
	if err := printRows(w, 1, []string{"limit", "each array", "rate", "range", "", "of peak"}, rows); err != nil {
		return err
	}
	if c := r.Clock; c != nil {
		fmt.Fprintf(w, "clock of a core, 100 %% with integers only: %s with multiply-adds on registers, %s with operands from the caches\n",
			percent(c.Registers), percent(c.Caches))
	}
	return nil
}

// gemmTable has a row per product and columns per library, then the geometric
// means.
func gemmTable(w io.Writer, r *bench.Report, figures []bench.Figure) error {
	header := []string{"preset", "product", "linear modules", "m × n × k", "GFLOP/s", "range", "of peak"}
	for _, l := range r.Libraries {
		header = append(header, l.Name, "its speed / ours")
	}
	beside := func(find func(by string) (rate, relative float64)) []string {
		var cells []string
		for _, l := range r.Libraries {
			if rate, relative := find(l.Name); rate > 0 {
				cells = append(cells, digits(rate), fmt.Sprintf("%.2f", relative))
			} else {
				cells = append(cells, "–", "–")
			}
		}
		return cells
	}
	var rows [][]string
	for _, f := range figures {
		if f.By != "ranklab" {
			continue
		}
		row := []string{f.Preset, f.Product, f.Name, shape(f.Shape), digits(f.Rate.Median), between(f.Rate), percent(f.Share.Median)}
		rows = append(rows, append(row, beside(func(by string) (rate, relative float64) {
			i := slices.IndexFunc(figures, func(g bench.Figure) bool {
				return g.By == by && g.Preset == f.Preset && g.Product == f.Product && g.Name == f.Name
			})
			if i < 0 {
				return 0, 0
			}
			return figures[i].Rate.Median, figures[i].Relative.Median
		})...))
	}
	for _, m := range r.Means {
		if m.By != "ranklab" {
			continue
		}
		row := []string{m.Preset, m.Product, fmt.Sprintf("geometric mean of %d", m.Products), "", digits(m.Rate), "", percent(m.Share)}
		rows = append(rows, append(row, beside(func(by string) (rate, relative float64) {
			i := slices.IndexFunc(r.Means, func(n bench.Mean) bool { return n.By == by && n.Preset == m.Preset && n.Product == m.Product })
			if i < 0 {
				return 0, 0
			}
			return r.Means[i].Rate, r.Means[i].Relative
		})...))
	}
	return printRows(w, 4, header, rows)
}

func opsTable(w io.Writer, _ *bench.Report, figures []bench.Figure) error {
	var rows [][]string
	for _, f := range figures {
		rows = append(rows, []string{
			f.Preset, f.Name, shape(f.Shape), clock(f.Seconds.Median), digits(f.Rate.Median), between(f.Rate), f.Unit, percent(f.Share.Median), f.Limit,
		})
	}
	return printRows(w, 3, []string{"preset", "operation", "shape", "time", "rate", "range", "", "share", "of"}, rows)
}

func stepTable(w io.Writer, _ *bench.Report, figures []bench.Figure) error {
	var rows [][]string
	for _, f := range figures {
		state, projectors, mallocs := "–", "–", "–"
		if f.Mallocs != nil {
			state, mallocs = size(f.Memory[memory.OptimizerState]), fmt.Sprintf("%.0f", f.Mallocs.Median)
			if n := f.Memory[memory.Projectors]; n > 0 {
				projectors = size(n)
			}
		}
		rows = append(rows, []string{
			f.Preset, f.Name, clock(f.Seconds.Median), digits(f.TokensPerSecond.Median), between(*f.TokensPerSecond),
			digits(f.Rate.Median), percent(f.Share.Median), state, projectors, mallocs,
		})
	}
	header := []string{"preset", "method", "time", "tokens/s", "range", "GFLOP/s", "of peak", "optimizer state", "projectors", "mallocs"}
	if err := printRows(w, 2, header, rows); err != nil {
		return err
	}
	var rules []string
	for _, f := range figures {
		if !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
			fmt.Fprintf(w, "FLOP of %s: %s\n", strings.Join(named(figures, f.Rule), ", "), f.Rule)
		}
	}
	return nil
}

// named lists the figures whose work follows a rule, each name once.
func named(figures []bench.Figure, rule string) []string {
	var names []string
	for _, f := range figures {
		if f.Rule == rule && !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// refreshTable also shows the passes that a refresh is compared with, if they
// were measured for it.
func refreshTable(w io.Writer, _ *bench.Report, figures []bench.Figure) error {
	var rows [][]string
	for _, f := range figures {
		if f.Unit != "matrices/s" {
			continue
		}
		rows = append(rows, []string{f.Preset, f.Name, fmt.Sprintf("%.0f", f.Work), clock(f.Seconds.Median), betweenTimes(f.Seconds), fmt.Sprintf("%.2f", f.Passes)})
	}
	return printRows(w, 2, []string{"preset", "refresh", "matrices", "time", "range", "forward-backward passes"}, rows)
}

func memoryTable(w io.Writer, r *bench.Report, _ []bench.Figure) error {
	var rows [][]string
	for _, o := range r.Occupancies {
		peak, ratio := "–", "–"
		if o.Peak > 0 {
			peak, ratio = size(o.Peak), fmt.Sprintf("%.3f", o.Ratio())
		}
		rows = append(rows, []string{
			o.Preset, o.Method, o.Execution, size(o.Steady), size(o.Refresh - o.Steady), size(o.Ledger), peak, ratio, size(o.Base),
		})
	}
	header := []string{"preset", "method", "execution", "steady", "more in a refresh", "ledger", "measured peak", "peak / ledger", "process alone"}
	if err := printRows(w, 3, header, rows); err != nil {
		return err
	}
	fmt.Fprintf(w, "measured peak: %s of the run's own process; process alone: before the run was assembled, part of the peak\n", r.Occupancies[0].Measure)
	return nil
}

func parallelTable(w io.Writer, _ *bench.Report, figures []bench.Figure) error {
	var rows [][]string
	for _, f := range figures {
		rows = append(rows, []string{
			f.Preset, f.Name, fmt.Sprint(f.Processes), digits(f.Alone.Median), digits(f.Rate.Median), between(f.Rate),
			fmt.Sprintf("%.2f", f.Speedup.Median), percent(f.Speedup.Median / float64(f.Processes)),
		})
	}
	return printRows(w, 2, []string{"preset", "method", "processes", "one alone, tokens/s", "all together", "range", "speedup", "of ideal"}, rows)
}

// digits prints a rate with three digits that mean something.
func digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func between(s bench.Spread) string      { return digits(s.Min) + " – " + digits(s.Max) }
func betweenTimes(s bench.Spread) string { return clock(s.Min) + " – " + clock(s.Max) }

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// clock prints a duration between nanoseconds and minutes.
func clock(seconds float64) string {
	switch {
	case seconds < 1e-3:
		return digits(1e6*seconds) + " µs"
	case seconds < 1:
		return digits(1e3*seconds) + " ms"
	}
	return digits(seconds) + " s"
}

func shape(dims []int) string {
	var parts []string
	for _, d := range dims {
		parts = append(parts, fmt.Sprint(d))
	}
	return strings.Join(parts, " × ")
}

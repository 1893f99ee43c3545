package doctor

import (
	"fmt"
	"io"
)

// A Printer prints findings for people as they come.
type Printer struct {
	w       io.Writer
	section string
	err     error
}

// NewPrinter returns a printer that writes to w.
func NewPrinter(w io.Writer) *Printer { return &Printer{w: w} }

// Finding prints a finding, below the name of its section.
func (p *Printer) Finding(f Finding) {
	if f.Section != p.section {
		if p.section != "" {
			p.printf("\n")
		}
		p.section = f.Section
		p.printf("%s\n", f.Section)
	}
	p.printf("  %-8s %-16s %s\n", f.Level, f.Subject, f.Text)
	if f.Hint != "" {
		p.printf("  %-8s %-16s → %s\n", "", "", f.Hint)
	}
}

// End prints the verdict. It returns the first error of the writer.
func (p *Printer) End(r *Report) error {
	verdict := "all well"
	if failures, warnings := r.Count(Failure), r.Count(Warning); failures+warnings > 0 {
		verdict = count(failures, "failure") + ", " + count(warnings, "warning")
	}
	p.printf("\n%s; %s in %.1f s\n", verdict, count(len(r.Findings), "finding"), r.Seconds)
	return p.err
}

func (p *Printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

package spec

import (
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a spec, and where.
type Problem struct {
	File       string   `json:"file,omitempty"`
	Line       int      `json:"line,omitempty"`
	Column     int      `json:"column,omitempty"`   // in characters, from 1
	Included   []string `json:"included,omitempty"` // file:line of each extends that led to File, innermost first
	Message    string   `json:"message"`
	Suggestion string   `json:"suggestion,omitempty"` // what to write instead, shown beside the caret
	Hint       string   `json:"hint,omitempty"`

	excerpt, caret string
	order          int // of the source
}

// Error returns the whole text of the problem.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", printable(p.File), p.Line, p.Column)
	}
	if len(p.Included) > 0 {
		fmt.Fprintf(&b, "(included from %s) ", printable(strings.Join(p.Included, ", from ")))
	}
	b.WriteString(p.Message)
	if p.caret != "" {
		fmt.Fprintf(&b, "\n%5d | %s\n      | %s", p.Line, p.excerpt, p.caret)
		if p.Suggestion != "" {
			b.WriteString(" " + p.Suggestion)
		}
	} else if p.Suggestion != "" {
		b.WriteString("\n   " + p.Suggestion)
	}
	if p.Hint != "" {
		b.WriteString("\n   hint: " + p.Hint)
	}
	return b.String()
}

// Problems is the error of this package: everything that is wrong, in the order
// of the files.
type Problems struct {
	List []*Problem `json:"problems"`
}

const (
	maxShown = 50   // problems that are printed
	maxKept  = 1000 // problems after which no more are looked for
)

// Error returns all problems as text, and their count.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, problem := range p.List {
		if i == maxShown {
			fmt.Fprintf(&b, "… and %d more\n", len(p.List)-maxShown)
			break
		}
		b.WriteString(problem.Error())
		b.WriteByte('\n')
	}
	plural := "s"
	if len(p.List) == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "%d problem%s; nothing was run.", len(p.List), plural)
	return b.String()
}

// A collector gathers problems; the same words at the same place count once,
// however many runs they concern.
type collector struct {
	list   []*Problem
	seen   map[seenProblem]bool
	fatals int // problems after which the rest of a text is unknown
}

type seenProblem struct {
	at      pos
	message string
}

func (c *collector) add(at pos, suggestion, hint, format string, args ...any) {
	message := printable(fmt.Sprintf(format, args...))
	if c.seen == nil {
		c.seen = make(map[seenProblem]bool)
	}
	if c.full() || c.seen[seenProblem{at, message}] {
		return
	}
	c.seen[seenProblem{at, message}] = true
	p := &Problem{Message: message, Suggestion: suggestion, Hint: hint}
	if !at.isZero() {
		p.File, p.Included, p.order = at.src.name, at.src.included(), at.src.order
		p.Line, p.Column = at.lineCol()
		p.excerpt, p.caret = at.excerpt()
	}
	c.list = append(c.list, p)
}

// full reports whether no more problems are kept.
func (c *collector) full() bool { return len(c.list) >= maxKept }

// fatal adds a problem that leaves a text unread.
func (c *collector) fatal(at pos, format string, args ...any) {
	c.add(at, "", "", format, args...)
	c.fatals++
}

// err returns the problems in file order, or nil.
func (c *collector) err() error {
	if len(c.list) == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b *Problem) int {
		switch {
		case a.order != b.order:
			return a.order - b.order
		case a.Line != b.Line:
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Problems{List: c.list}
}

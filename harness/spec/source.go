package spec

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A source is one text that values come from: a file as it was included at one
// place, or the -S options of the command line (one option per line).
type source struct {
	name     string // as shown in messages
	text     string
	starts   []int // byte offset of each line
	from     pos   // the extends entry that included it; zero for the root
	order    int   // position among the sources of one load
	embedded bool
	path     string // where files named in extends are looked for
}

func newSource(name, text string) *source {
	s := &source{name: name, text: text, starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
}

// A pos marks a piece of a source. The zero pos is nowhere.
type pos struct {
	src        *source
	start, end int // byte offsets
}

func (s *source) at(start, end int) pos {
	start = min(max(start, 0), len(s.text))
	return pos{s, start, min(max(end, start), len(s.text))}
}

func (p pos) isZero() bool { return p.src == nil }

// lineCol returns the 1-based line, and the column in characters.
func (p pos) lineCol() (line, col int) {
	i, found := slices.BinarySearch(p.src.starts, p.start)
	if !found {
		i--
	}
	return i + 1, utf8.RuneCountInString(p.src.text[p.src.starts[i]:p.start]) + 1
}

// String returns file:line.
func (p pos) String() string {
	if p.isZero() {
		return ""
	}
	line, _ := p.lineCol()
	return fmt.Sprintf("%s:%d", p.src.name, line)
}

// excerptWidth bounds how much of a line is shown.
const excerptWidth = 120

// excerpt returns the line of p as printable text, and the caret line below it.
func (p pos) excerpt() (line, caret string) {
	n, _ := p.lineCol()
	start := p.src.starts[n-1]
	end := len(p.src.text)
	if n < len(p.src.starts) {
		end = p.src.starts[n] - 1
	}
	end = max(end, start)
	mark := min(max(p.start-start, 0), end-start)
	width := utf8.RuneCountInString(p.src.text[start+mark : max(start+mark, min(p.end, end))])
	// A character takes at most four bytes: no need to look at more of the line.
	from, to := max(start, start+mark-4*excerptWidth), min(end, start+mark+4*excerptWidth)
	before, after := []rune(p.src.text[from:start+mark]), []rune(strings.TrimRight(p.src.text[start+mark:to], " \t\r"))
	prefix := ""
	if cut := len(before) - excerptWidth/2; cut > 0 {
		before, prefix = before[cut:], "…"
	}
	suffix := ""
	if len(after) > excerptWidth {
		after, suffix = after[:excerptWidth], "…"
	}
	width = max(1, min(width, len(after)))
	var pad strings.Builder
	for _, r := range prefix + string(before) {
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	return prefix + printable(string(before)+string(after)) + suffix, pad.String() + strings.Repeat("^", width)
}

// printable replaces what a terminal would interpret.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}

// included lists where the source was included, innermost first.
func (s *source) included() []string {
	var chain []string
	for p := s.from; !p.isZero(); p = p.src.from {
		chain = append(chain, p.String())
	}
	return chain
}

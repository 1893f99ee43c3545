package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// writeLaTeX writes a sheet as a table environment of LaTeX with rules of package
// booktabs, the one thing that the document has to load. Numbers are aligned at
// their decimal point, and notes stand below. Every character is written so that
// pdflatex sets it with the fonts it comes with; one that it cannot set is
// written by its number.
func (s sheet) writeLaTeX(w io.Writer, id, title string, notes []string) error {
	s = s.printable()
	var b strings.Builder
	b.WriteString("% needs \\usepackage{booktabs}\n\\begin{table}[htbp]\n\\centering\n")
	fmt.Fprintf(&b, "\\caption{%s}\n\\label{tab:%s}\n", latex(title), label(id))
	b.WriteString(s.size())
	split := make([]bool, len(s.header))
	b.WriteString("\\makebox[\\linewidth]{%\n\\begin{tabular}{") // one too wide stays in the middle
	for i := range s.header {
		split[i] = i >= s.text && s.hasPoint(i)
		switch {
		case i < s.text:
			b.WriteString("l")
		case split[i]:
			b.WriteString("r@{}l")
		default:
			b.WriteString("r")
		}
	}
	b.WriteString("}\n\\toprule\n")
	line := func(cells []string, cell func(i int, text string) string) {
		for i, text := range cells {
			if i > 0 {
				b.WriteString(" & ")
			}
			b.WriteString(cell(i, text))
		}
		b.WriteString(" \\\\\n")
	}
	line(broken(s.header), func(i int, text string) string {
		return spanning(stacked(text, i < s.text), split[i])
	})
	b.WriteString("\\midrule\n")
	for r, row := range s.rows {
		if r > 0 && r == s.ruled {
			b.WriteString("\\midrule\n")
		}
		line(row, func(i int, text string) string {
			if whole, fraction, ok := atPoint(text); ok && split[i] {
				if rest, spaced := strings.CutPrefix(fraction, " "); spaced { // a space that starts a cell is dropped
					return latex(whole) + "&~" + latex(rest)
				}
				return latex(whole) + "&" + latex(fraction)
			}
			return spanning(latex(text), split[i])
		})
	}
	b.WriteString("\\bottomrule\n\\end{tabular}}\n")
	if len(notes) > 0 {
		b.WriteString("\\par\\smallskip\n\\begin{minipage}{\\linewidth}\\footnotesize\n")
		for i, note := range notes {
			end := "\n"
			if i < len(notes)-1 {
				end = "\\\\\n"
			}
			b.WriteString(latex(printable(note)) + end)
		}
		b.WriteString("\\end{minipage}\n")
	}
	b.WriteString("\\end{table}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// size makes a wide table smaller: a line of class article has room for about 75
// characters.
func (s sheet) size() string {
	width := 0
	for i, h := range broken(s.header) {
		widest := 0
		for l := range strings.SplitSeq(h, "\n") {
			widest = max(widest, len([]rune(l)))
		}
		for _, row := range s.rows {
			widest = max(widest, len([]rune(row[i])))
		}
		width += widest + 2
	}
	switch {
	case width <= 75:
		return ""
	case width <= 95:
		return "\\footnotesize\n\\setlength{\\tabcolsep}{4pt}\n"
	}
	return "\\scriptsize\n\\setlength{\\tabcolsep}{3pt}\n"
}

// aNumber is a number at the start of a cell: 28.66, −0.4, 1,234.
var aNumber = regexp.MustCompile(`^[+−-]?[0-9][0-9,]*`)

// atPoint splits a number, and what stands behind it, in front of its decimal
// point, or where it would have one.
func atPoint(text string) (whole, fraction string, ok bool) {
	n := len(aNumber.FindString(text))
	return text[:n], text[n:], n > 0
}

// hasPoint reports whether the numbers of a column have to be split at their
// point to stand below each other: not where as much stands behind it in all.
func (s sheet) hasPoint(column int) bool {
	point, lengths := false, map[int]bool{}
	for _, row := range s.rows {
		if _, fraction, ok := atPoint(row[column]); ok {
			point = point || strings.HasPrefix(fraction, ".")
			lengths[len([]rune(fraction))] = true
		}
	}
	return point && len(lengths) > 1
}

// spanning lets a cell of no number span both halves of a column.
func spanning(text string, split bool) string {
	if split {
		return "\\multicolumn{2}{c}{" + text + "}"
	}
	return text
}

// stacked sets a header of several lines.
func stacked(header string, text bool) string {
	lines := strings.Split(header, "\n")
	for i, l := range lines {
		lines[i] = latex(l)
	}
	if len(lines) == 1 {
		return lines[0]
	}
	side := "r"
	if text {
		side = "l"
	}
	return "\\shortstack[" + side + "]{" + strings.Join(lines, "\\\\") + "}"
}

// label keeps what a \label can hold.
func label(id string) string {
	return strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-') {
			return r
		}
		return '-'
	}, id)
}

// latex escapes text. Brackets and stars are wrapped: behind a line break they
// would be read as its options. Characters that would join are kept apart.
func latex(text string) string {
	const joins = "-'`?!"
	var b strings.Builder
	before := ' '
	for _, r := range text {
		if strings.ContainsRune(joins, before) && strings.ContainsRune(joins, r) {
			b.WriteString("{}")
		}
		before = r
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case latexRunes[r] != "":
			b.WriteString(latexRunes[r])
		case r > 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r == ' ' || r == '\n':
			b.WriteByte(' ')
		case accented(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "U+%04X", r)
		}
	}
	return b.String()
}

// accented reports whether a letter of Latin-1 is one that the standard fonts of
// LaTeX compose: all but four, and the two signs among them.
func accented(r rune) bool {
	return r >= 0xC0 && r <= 0xFF && !strings.ContainsRune("ÐÞðþ×÷", r)
}

// latexRunes are the characters that LaTeX reads otherwise, or not at all.
var latexRunes = map[rune]string{
	'\\': `\textbackslash{}`, '{': `\{`, '}': `\}`, '$': `\$`, '&': `\&`, '#': `\#`, '%': `\%`, '_': `\_`,
	'^': `\textasciicircum{}`, '~': `$\sim$`, '<': `$<$`, '>': `$>$`, '|': `$|$`, '"': `''`, '[': `{[}`, ']': `{]}`, '*': `{*}`,
	'\u00a0': `~`, '±': `$\pm$`, '−': `$-$`, '–': `--`, '—': `---`, '·': `$\cdot$`, '×': `$\times$`, '÷': `$\div$`, '…': `\ldots{}`, '→': `$\rightarrow$`,
	'≤': `$\leq$`, '≥': `$\geq$`, '≈': `$\approx$`, '≠': `$\neq$`, '∞': `$\infty$`, '√': `$\surd$`, '∼': `$\sim$`,
	'’': `'`, '‘': "`", '“': "``", '”': `''`, '§': `\S{}`, '©': `\copyright{}`,
	'α': `$\alpha$`, 'β': `$\beta$`, 'γ': `$\gamma$`, 'δ': `$\delta$`, 'ε': `$\varepsilon$`, 'η': `$\eta$`, 'θ': `$\theta$`, 'λ': `$\lambda$`, 'μ': `$\mu$`, 'µ': `$\mu$`,
	'ρ': `$\rho$`, 'σ': `$\sigma$`, 'τ': `$\tau$`, 'χ': `$\chi$`, 'π': `$\pi$`, 'Δ': `$\Delta$`, 'Σ': `$\Sigma$`,
	'¹': `\textsuperscript{1}`, '²': `\textsuperscript{2}`, '³': `\textsuperscript{3}`, '⁰': `\textsuperscript{0}`, '⁴': `\textsuperscript{4}`, '⁵': `\textsuperscript{5}`,
	'⁶': `\textsuperscript{6}`, '⁷': `\textsuperscript{7}`, '⁸': `\textsuperscript{8}`, '⁹': `\textsuperscript{9}`,
}

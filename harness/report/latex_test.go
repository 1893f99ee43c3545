package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkLaTeX reads what writeLaTeX writes as LaTeX does: braces and environments
// are closed, rows have the columns of the tabular, and nothing stands there that
// pdflatex stops at.
func checkLaTeX(text string) string {
	for r := range strings.SplitSeq(text, "") {
		c, _ := utf8.DecodeRuneInString(r)
		if c > 0x7e && !accented(c) || c < ' ' && c != '\n' {
			return "the character " + r
		}
	}
	if text == "" {
		return "nothing"
	}
	_, body, _ := strings.Cut(text, "\n") // the comment
	depth, environments := 0, []string(nil)
	body = strings.Replace(body, "\\makebox[\\linewidth]{%\n", "{", 1)
	plain := regexp.MustCompile(`\\[\\{}$&#%_]`).ReplaceAllString(body, "")
	for _, r := range plain {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		case '#', '%':
			return "a bare " + string(r)
		}
		if depth < 0 {
			return "a brace too many"
		}
	}
	if depth != 0 {
		return "an open brace"
	}
	if strings.Count(plain, "$")%2 != 0 {
		return "open mathematics"
	}
	math := false
	for _, r := range plain {
		if r == '$' {
			math = !math
		}
		if !math && strings.ContainsRune("_^", r) || math && r > 0x7e {
			return "a bare " + string(r)
		}
	}
	for _, m := range regexp.MustCompile(`\\(begin|end)\{(\w+)\}`).FindAllStringSubmatch(body, -1) {
		if m[1] == "begin" {
			environments = append(environments, m[2])
			continue
		}
		if len(environments) == 0 || environments[len(environments)-1] != m[2] {
			return "\\end{" + m[2] + "}"
		}
		environments = environments[:len(environments)-1]
	}
	if len(environments) > 0 {
		return "an open " + environments[0]
	}
	return checkTabular(body)
}

func checkTabular(body string) string {
	m := regexp.MustCompile(`(?s)\\begin\{tabular\}\{([lr@{}]*)\}\n(.*)\\end\{tabular\}`).FindStringSubmatch(body)
	if m == nil {
		return "no tabular"
	}
	columns := strings.Count(strings.ReplaceAll(m[1], "@{}", ""), "l") + strings.Count(m[1], "r")
	rows := regexp.MustCompile(`(?s)\\shortstack\[.\]\{.*?\}`).ReplaceAllString(m[2], "")
	for line := range strings.Lines(rows) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "\\toprule") || strings.HasPrefix(line, "\\midrule") || strings.HasPrefix(line, "\\bottomrule") {
			continue
		}
		content, ok := strings.CutSuffix(line, `\\`)
		if !ok {
			return "a row without an end: " + line
		}
		cells := 1 + strings.Count(strings.ReplaceAll(content, `\&`, ""), "&") + strings.Count(content, "\\multicolumn{2}")
		if cells != columns {
			return "a row of other columns: " + line
		}
		if strings.HasPrefix(strings.TrimSpace(content), "[") || strings.HasPrefix(content, "*") {
			return "a row that an end of row takes for its option: " + line
		}
	}
	return ""
}

func TestLaTeXIsWellFormed(t *testing.T) {
	s, rows := comparisons(t)
	var b bytes.Buffer
	must(t, WriteTables(&b, s, rows, LaTeX))
	tables := strings.SplitAfter(b.String(), "\\end{table}\n")
	if len(tables) != 3 {
		t.Fatalf("%d tables, want 2", len(tables)-1)
	}
	for _, table := range tables[:2] {
		if wrong := checkLaTeX(strings.TrimPrefix(table, "\n")); wrong != "" {
			t.Errorf("%s in\n%s", wrong, table)
		}
	}
}

func TestLaTeXOfAnything(t *testing.T) {
	cell := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\\{}$&#%_^~<>|\"'`-?![]*,.019 +−–±Δσ¹²é中\n\u00a0\u202e\x1b"))),
		rapid.SampledFrom([]string{"28.66 ± 0.49", "−1.1\u00a0% ± 0.7 (p=0.004)", "15,617 (1)", "38 ± 2", "–", "[1]", "*", "diverged³"}))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "columns")
		line := rapid.SliceOfN(cell, n, n)
		s := sheet{header: line.Draw(t, "header"), rows: rapid.SliceOfN(line, 0, 4).Draw(t, "rows"), text: rapid.IntRange(0, n).Draw(t, "text")}
		s.ruled = rapid.IntRange(0, len(s.rows)).Draw(t, "ruled")
		var b bytes.Buffer
		if err := s.writeLaTeX(&b, cell.Draw(t, "id"), cell.Draw(t, "title"), rapid.SliceOfN(cell, 0, 3).Draw(t, "notes")); err != nil {
			t.Fatal(err)
		}
		if wrong := checkLaTeX(b.String()); wrong != "" {
			t.Fatalf("%s in\n%s", wrong, &b)
		}
	})
}

func TestLaTeXText(t *testing.T) {
	for text, want := range map[string]string{
		`R&D_1 {x} 5 % #2 $a^b$ \x`:        `R\&D\_1 \{x\} 5 \% \#2 \$a\textasciicircum{}b\$ \textbackslash{}x`,
		"28.66 ± 0.49":                     `28.66 $\pm$ 0.49`,
		"~ (p=0.3)":                        `$\sim$ (p=0.3)`,
		"a--b ``c``":                       "a-{}-b `{}`c`{}`",
		"[x] * |y|":                        `{[}x{]} {*} $|$y$|$`,
		"Größe 中":                          "Größe U+4E2D",
		"¹ 1 of 3 seeds diverged":          `\textsuperscript{1} 1 of 3 seeds diverged`,
		"Δ vs\u00a0adamw ±\u00a095\u00a0%": `$\Delta$ vs~adamw $\pm$~95~\%`,
		"−0.4 – p<0.001; ~: 4 × 5 … “so” ‘’": "$-$0.4 -- p$<$0.001; $\\sim$: 4 $\\times$ 5 \\ldots{} ``so'' `'",
	} {
		if got := latex(text); got != want {
			t.Errorf("latex(%q) = %s, want %s", text, got, want)
		}
	}
}

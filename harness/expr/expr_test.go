package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"ranklab/internal/bounded/boundedtest"
)

// write prints a node with every parenthesis, so that it shows its structure.
func write(n *Node) string {
	args := make([]string, len(n.Args))
	for i, a := range n.Args {
		args[i] = write(a)
	}
	switch n.Op {
	case Number:
		return strconv.FormatFloat(n.Value, 'f', -1, 64)
	case Select:
		var filters []string
		for _, f := range n.Filters {
			switch v := f.Value.(type) {
			case string:
				filters = append(filters, f.Key+"='"+v+"'")
			case float64:
				filters = append(filters, f.Key+"="+strconv.FormatFloat(v, 'f', -1, 64))
			default:
				filters = append(filters, fmt.Sprintf("%s=%v", f.Key, v))
			}
		}
		return n.Column + "[" + strings.Join(filters, ", ") + "]"
	case Negate:
		return "(-" + args[0] + ")"
	case Not:
		return "(not " + args[0] + ")"
	case Min, Max:
		return string(n.Op) + "(" + strings.Join(args, ", ") + ")"
	}
	return "(" + args[0] + " " + string(n.Op) + " " + args[1] + ")"
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"ppl[galore] < 30":                     "(ppl[method='galore'] < 30)",
		"ppl[galore]<=1.03*ppl[adamw]":         "(ppl[method='galore'] <= (1.03 * ppl[method='adamw']))",
		"1 + 2 * 3 - 4 / 2 > -1":               "(((1 + (2 * 3)) - (4 / 2)) > (-1))",
		"(1 + 2) * 3 >= - (2 - 1)":             "(((1 + 2) * 3) >= (-(2 - 1)))",
		"1-2-3 < 0":                            "(((1 - 2) - 3) < 0)",
		"1 < 2 and 2 < 3 or not 3 < 4":         "(((1 < 2) and (2 < 3)) or (not (3 < 4)))",
		"not (1 < 2 or 2 < 3) and 3 < 4":       "((not ((1 < 2) or (2 < 3))) and (3 < 4))",
		"min(ppl[a], 2, max(1)) > 1e-3":        "(min(ppl[method='a'], 2, max(1)) > 0.001)",
		"loss[rank=128, steps=80_000] < 3":     "(loss[rank=128, steps=80000] < 3)",
		"loss[method=galore-r32.1, lr=1e-3]<3": "(loss[method='galore-r32.1', lr=0.001] < 3)",
		"ppl[update_proj_gap=never] < 3":       "(ppl[update_proj_gap='never'] < 3)",
		"ppl[layerwise=true, x='true'] < 3":    "(ppl[layerwise=true, x='true'] < 3)",
		"ppl[label='galore rank=8'] < 3":       "(ppl[label='galore rank=8'] < 3)",
		`ppl["a b", lr_groups.attn=-2] < 3`:    "(ppl[method='a b', lr_groups.attn=-2] < 3)",
		"ppl[8bit] \n\t> .5":                   "(ppl[method='8bit'] > 0.5)",
		"train.batch_size[a] < 2.":             "(train.batch_size[method='a'] < 2)",
		"((((1)))) < 2":                        "(1 < 2)",
	} {
		n, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := write(n); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
		if n.Span.Of(text) != text {
			t.Errorf("%s: spans %q", text, n.Span.Of(text))
		}
		if again, err := Parse(write(n)); err != nil || write(again) != want {
			t.Errorf("%s: written and read: %v", want, err)
		}
	}
}

// Every node knows its piece of the text.
func TestSpans(t *testing.T) {
	const text = "not ppl[a] < 2 * min(loss[rank=3], 4) or (1 > 2)"
	n, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	n.Walk(func(n *Node) {
		if n.Op != Number {
			got = append(got, n.Span.Of(text))
		}
		for _, f := range n.Filters {
			got = append(got, f.Span.Of(text))
		}
	})
	want := []string{text, "not ppl[a] < 2 * min(loss[rank=3], 4)", "ppl[a] < 2 * min(loss[rank=3], 4)", "ppl[a]", "a",
		"2 * min(loss[rank=3], 4)", "min(loss[rank=3], 4)", "loss[rank=3]", "rank=3", "(1 > 2)"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("spans %q\nwant %q", got, want)
	}
}

// What is no claim is refused at its place, with what to write instead.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, at, message, suggestion string }{
		{"", "", "ends where a number or a result", ""},
		{"ppl[a]", "ppl[a]", "a claim is true or false", "compare it"},
		{"ppl[a] <", "", "ends where a number or a result", ""},
		{"ppl < 3", "ppl", "does not say of which runs", "ppl[method"},
		{"ppl[] < 3", "]", "names no run", "rank=32"},
		{"ppl[a", "", `ends where "]" or a comma`, ""},
		{"ppl[a b] < 3", "b", `"b" stands where "]" or a comma`, ""},
		{"ppl[a, b] < 3", "b", "method is given twice", "seed alone"},
		{"ppl[rank=1, rank=2] < 3", "rank=2", "rank is given twice", "seed alone"},
		{"ppl[32] < 3", "32", "is no method", "rank=32"},
		{"ppl[rank=] < 3", "]", "the value of rank", ""},
		{"ppl['a'=3] < 3", "'a'", "before =", "without quotes"},
		{"ppl['a] < 3", "'a] < 3", "has no end", ""},
		{"ppl[a] = 3", "=", "no part of a claim", "<= or >="},
		{"ppl[a] == 3", "==", "no part of a claim", "<= or >="},
		{"ppl[rank==3] < 3", "==", "no part of a claim", "write ="},
		{"ppl[a] ≤ 3", "≤", "no part of a claim", "write <="},
		{"ppl[a] => 3", "=>", "no part of a claim", "write >="},
		{"1 < 2 && 2 < 3", "&&", "no part of a claim", "write and"},
		{"1 < 2 AND 2 < 3", "AND", "the end of the claim", "write and"},
		{"ppl[a] < 3 %", "%", "no part of a claim", "1.03"},
		{"2 ** 3 < 9", "**", "no part of a claim", "min and max"},
		{"1 < 2 < 3", "<", "two sides", "a < b and b < c"},
		{"abs(1) < 2", "abs", `unknown function "abs"`, "min and max"},
		{"min() < 2", ")", "a number or a result", ""},
		{"1 and 2 < 3", "1", "takes what is true or false", "compare it"},
		{"not 1 + 2", "1 + 2", "takes what is true or false", "compare it"},
		{"(1 < 2) + 1 < 3", "(1 < 2)", "takes numbers", ""},
		{"-(1 < 2) < 3", "(1 < 2)", "takes numbers", ""},
		{"(1 < 2", "", `ends where ")"`, ""},
		{"1 < 2)", ")", "the end of the claim", ""},
		{"[galore] < 2", "[", "a number or a result", "before its selection"},
		{"128M < 2", "128M", "is no number", ""},
		{"1e999 < 2", "1e999", "is no number", ""},
		{"1.2.3 < 2", "1.2.3", "is no number", ""},
		{"\xff < 2", "\xff", "not valid UTF-8", ""},
		{"ppl{a} < 2", "{", "no part of a claim", "in brackets"},
		{strings.Repeat("(", 100) + "1" + strings.Repeat(")", 100) + " < 2", "(", "more than 64 deep", ""},
		{strings.Repeat("not ", 100) + "1 < 2", "not", "more than 64 deep", ""},
		{strings.Repeat("-", 100) + "1 < 2", "-", "more than 64 deep", ""},
		{strings.Repeat("1+", MaxBytes), "", "at most 4096", ""},
	} {
		_, err := Parse(c.text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.40q: error %v", c.text, err)
			continue
		}
		if !strings.Contains(e.Message, c.message) || !strings.Contains(e.Suggestion, c.suggestion) || (c.suggestion == "") != (e.Suggestion == "") || e.Span.Of(c.text) != c.at {
			t.Errorf("%.40q: at %q: %v", c.text, e.Span.Of(c.text), err)
		}
	}
}

// A long sum nests in one direction only, and is read.
func TestLong(t *testing.T) {
	text := strings.Repeat("1+", 2000) + "1 < 2"
	if n, err := Parse(text); err != nil || n.Span.Of(text) != text {
		t.Error(err)
	}
}

// FuzzParse reads arbitrary text. What is accepted is the same when it is written
// and read again, with spans that nest; what is refused has its place in the text.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"ppl[galore] <= 1.03 * ppl[adamw]", "loss[rank=128, steps=80_000] < loss[rank=512, steps=20_000] and not paper_bytes[a] > 1e9 or min(1, max(2, -3)) >= .5",
		"ppl[label='a \"b\"', x=true, gap=never, lr=-1e-3]>0", "((1<2))", "a.b[c-d.e_f]<1", "1<2<3", "ppl[", "x['", "≤", "\xff", "--1<2", "not not 1<2",
		strings.Repeat("(", 80) + "1", strings.Repeat("-", 80) + "1<2", strings.Repeat("not ", 80), strings.Repeat("1+", 3000), "ppl[a]]<1", "1e+5<2e-5", "min(1<2)<3", "ppl[a,]<1", "ppl[inf]<nan",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n *Node
		var err error
		boundedtest.AtMost(t, 2000*int64(min(len(text), MaxBytes)), func() { n, err = Parse(text) })
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Span.Start < 0 || e.Span.Start > e.Span.End || e.Span.End > len(text) || e.Message == "" || n != nil {
				t.Fatalf("%q: %+v", text, err)
			}
			return
		}
		if !n.Boolean() || !utf8.ValidString(text) && !strings.ContainsAny(text, "'\"") {
			t.Fatalf("%q was accepted", text)
		}
		n.Walk(func(outer *Node) {
			for _, inner := range outer.Args {
				if inner.Span.Start < outer.Span.Start || inner.Span.End > outer.Span.End || inner.Span.Start >= inner.Span.End {
					t.Fatalf("%q: %v within %v", text, inner.Span, outer.Span)
				}
			}
		})
		for _, f := range []string{"'", "\\"} {
			if strings.Contains(text, f) {
				return // quotes within quotes cannot be written as write does
			}
		}
		again, err := Parse(write(n))
		if err != nil {
			var e *Error
			if errors.As(err, &e) && (strings.Contains(e.Message, "deep") || strings.Contains(e.Message, "bytes")) {
				return // the parentheses of write nest deeper than the text
			}
			t.Fatalf("%q: written as %q: %v", text, write(n), err)
		}
		if write(again) != write(n) {
			t.Fatalf("%q: %q, then %q", text, write(n), write(again))
		}
	})
}

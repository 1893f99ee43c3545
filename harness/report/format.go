package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"ranklab/harness/view"
)

// printable replaces characters that would steer a terminal instead of being
// seen on it. Labels and reasons come from files that anybody may have written.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return '·'
		}
		return r
	}, s)
}

// nothing stands where a table has no value.
const nothing = "–"

// measure writes a result with four significant digits.
func measure(v float64) string { return strconv.FormatFloat(v, 'f', measureDigits(v), 64) }

// measureDigits returns the digits behind the point that make four significant
// ones.
func measureDigits(v float64) int {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return min(max(0, 3-int(math.Floor(math.Log10(math.Abs(v))))), 8)
}

// quantity writes a value of a column. Bytes become MiB.
func quantity(c view.Column, v float64) string {
	if math.IsNaN(v) {
		return nothing
	}
	switch c.Kind {
	case view.Measure:
		return measure(v)
	case view.Bytes:
		return mebibytes(v)
	case view.Rate, view.Count:
		return thousands(v)
	case view.Seconds:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	if v != math.Trunc(v) { // threads, where they differ between seeds
		return measure(v)
	}
	return view.Format(v)
}

func mebibytes(bytes float64) string {
	v := bytes / (1 << 20)
	switch {
	case v >= 1000:
		return thousands(v)
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.1 || v == 0:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// thousands writes a whole number with separators: 1,234,567. Numbers below
// 100 that are not whole keep a decimal.
func thousands(v float64) string {
	if math.Abs(v) < 100 && v != math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	var b strings.Builder
	if v < 0 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// mark writes the number of a footnote: ¹, ², …, ¹⁰.
func mark(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
}

// duration writes seconds for people.
func duration(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return nothing
	case seconds < 120:
		return fmt.Sprintf("%.1f s", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%.0f min %02.0f s", math.Floor(seconds/60), math.Floor(math.Mod(seconds, 60)))
	}
	return fmt.Sprintf("%.0f h %02.0f min", math.Floor(seconds/3600), math.Floor(math.Mod(seconds, 3600)/60))
}

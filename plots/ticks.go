package plots

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// linearTicks returns about n labelled ticks at multiples of 1, 2, 2.5 or
// 5 times a power of ten. Where these are closer together than numbers of that
// size, it returns fewer.
func linearTicks(lo, hi float64, n int) []plot.Tick {
	step := niceStep((hi - lo) / float64(n))
	digits := decimals(step)
	first := math.Ceil(lo/step - 1e-9)
	var ticks []plot.Tick
	for i := range 4 * n { // counted: first+1 may be first
		v := (first + float64(i)) * step
		if !(v <= hi+1e-9*step) || i > 0 && v <= ticks[i-1].Value {
			break
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: tickLabel(v, digits)})
	}
	return ticks
}

// niceStep rounds a step up to 1, 2, 2.5, 5 or 10 times a power of ten.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if raw <= f*power*(1+1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// decimals returns the digits behind the point that multiples of step need.
func decimals(step float64) int {
	for d := range 12 {
		scaled := step * math.Pow(10, float64(d))
		if math.Abs(scaled-math.Round(scaled)) < 1e-6*scaled {
			return d
		}
	}
	return 12
}

// tickLabel writes a value with the given decimals. Large round values are
// shortened: 20k, 1.5M, 2B.
func tickLabel(v float64, digits int) string {
	if a := math.Abs(v); digits == 0 && a >= 10_000 || a >= 1e6 {
		for _, unit := range []struct {
			size float64
			name string
		}{{1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
			if a >= unit.size {
				return strconv.FormatFloat(round6(v/unit.size), 'f', -1, 64) + unit.name
			}
		}
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-") // no "-0"
	}
	return text
}

// round6 drops the digits that only binary fractions have.
func round6(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// logTicks returns ticks for a log scale over 0 < lo < hi. Over several
// decades the powers of ten are labelled; over few, 1, 2, 3 and 5 times them;
// within less than half a decade, round numbers.
func logTicks(lo, hi float64) []plot.Tick {
	if !(lo > 0 && hi > lo) || math.IsInf(hi, 0) {
		return nil
	}
	span := math.Log10(hi) - math.Log10(lo)
	if span > 12 {
		return decadeTicks(lo, hi, math.Ceil(span/12))
	}
	if span < 0.6 {
		ticks := linearTicks(lo, hi, 5)
		for len(ticks) > 0 && ticks[0].Value <= 0 {
			ticks = ticks[1:]
		}
		return ticks
	}
	labelled := map[int]bool{1: true}
	switch {
	case span < 0.95:
		labelled = map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 8: true}
	case span < 3:
		labelled = map[int]bool{1: true, 2: true, 3: true, 5: true}
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for digit := 1; digit <= 9; digit++ {
			// Parsed, since 3·10⁻⁴ as a product is not the nearest number.
			v, err := strconv.ParseFloat(fmt.Sprintf("%de%d", digit, int(e)), 64)
			if err != nil || v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			t := plot.Tick{Value: v}
			if labelled[digit] {
				t.Label = logLabel(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// decadeTicks labels every so many powers of ten.
func decadeTicks(lo, hi, every float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Ceil(math.Log10(lo)/every) * every; e <= math.Log10(hi); e += every {
		if v, err := strconv.ParseFloat(fmt.Sprintf("1e%d", int(e)), 64); err == nil && v > 0 {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', -1, 64)})
		}
	}
	return ticks
}

func logLabel(v float64) string {
	if v < 1e-4 {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	if v >= 1 {
		return tickLabel(v, 0)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// categoryTicks puts a label at every index.
func categoryTicks(names []string) []plot.Tick {
	ticks := make([]plot.Tick, len(names))
	for i, name := range names {
		ticks[i] = plot.Tick{Value: float64(i), Label: name}
	}
	return ticks
}

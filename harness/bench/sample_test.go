package bench

import (
	"math"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		want Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3, 1}},
		{[]float64{4, 1, 9}, Spread{4, 1, 9, 3}},
		{[]float64{4, 1, 9, 2}, Spread{3, 1, 9, 4}},
	} {
		if got := spread(c.xs); got != c.want {
			t.Errorf("spread(%v) = %v, want %v", c.xs, got, c.want)
		}
	}
}

func TestGeometricMean(t *testing.T) {
	if got := geometricMean([]float64{2, 8, 4}); math.Abs(got-4) > 1e-12 {
		t.Errorf("%v, want 4", got)
	}
	if got := geometricMean(nil); got != 0 {
		t.Errorf("%v of nothing", got)
	}
}

// Ratios pair what was measured in the same round: drift that hits both alike
// cancels.
func TestRatiosCancelDrift(t *testing.T) {
	ours, theirs := []float64{1, 2, 4, 8}, []float64{2, 4, 8}
	if got := spread(ratios(ours, theirs)); got != (Spread{0.5, 0.5, 0.5, 3}) {
		t.Errorf("%v", got)
	}
}

// A share compares each run with the limit measured beside it.
func TestShares(t *testing.T) {
	f := Figure{Work: 6e9, Unit: gflops, Limit: Peak}.of([]sample{{1, 12e9}, {2, 6e9}, {3, 4e9}})
	if *f.Share != (Spread{0.5, 0.5, 0.5, 3}) || f.LimitAt != 6 {
		t.Errorf("share %v of %v", *f.Share, f.LimitAt)
	}
	if f.Rate != (Spread{3, 2, 6, 3}) || f.Seconds != (Spread{2, 1, 3, 3}) {
		t.Errorf("rate %v, seconds %v", f.Rate, f.Seconds)
	}
}

func TestSecondsOf(t *testing.T) {
	calls := 0
	s := secondsOf(func() { calls++; time.Sleep(time.Millisecond) }, 5*time.Millisecond)
	if calls < 2 || calls > 7 || s < 1e-3 {
		t.Errorf("%d calls of %v s", calls, s)
	}
}

func TestMeans(t *testing.T) {
	figure := func(product, by string, rate, relative float64) Figure {
		f := Figure{Section: "gemm", Preset: "p", Product: product, By: by, Rate: Spread{Median: rate}, Share: &Spread{Median: rate / 100}}
		if by != ours {
			f.Relative = &Spread{Median: relative}
		}
		return f
	}
	list := means("p", []Figure{
		figure("NT", ours, 10, 0), figure("NT", "x", 5, 0.5), figure("NT", "late", 5, 0.5),
		figure("NN", ours, 40, 0), figure("NN", "x", 80, 2), {Section: "ops", Preset: "p", By: ours},
	})
	got := map[[2]string]Mean{}
	for _, m := range list {
		got[[2]string{m.By, m.Product}] = m
	}
	if m := got[[2]string{ours, "all"}]; math.Abs(m.Rate-20) > 1e-9 || math.Abs(m.Share-0.2) > 1e-9 || m.Relative != 1 || m.Products != 2 {
		t.Errorf("ours: %+v", m)
	}
	if m := got[[2]string{"x", "all"}]; math.Abs(m.Rate-20) > 1e-9 || math.Abs(m.Relative-1) > 1e-9 {
		t.Errorf("x: %+v", m)
	}
	if _, ok := got[[2]string{"late", "all"}]; ok {
		t.Error("a mean over fewer products than ours")
	}
}

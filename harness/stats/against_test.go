package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ranklab/internal/random"
)

// Student's sleep data (1908): extra hours of sleep by two drugs. R says
//
//	t.test(extra ~ group, paired = TRUE): t = -4.0621, df = 9, p = 0.002833, interval -2.4598858 -0.7001142
//	t.test(extra ~ group):                t = -1.8608, df = 17.776, p = 0.07939, interval -3.3654832 0.2054832
func sleep() (a, b []float64) {
	return []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}, []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
}

func TestPairedAndWelchAgainstR(t *testing.T) {
	a, b := sleep()
	p := Paired(a, b)
	near(t, "paired difference", p.Estimate, -1.58)
	near(t, "paired t", p.Estimate/p.SE, -4.0621)
	near(t, "paired p", p.P, 0.002833)
	near(t, "paired low", p.Lo, -2.4598858)
	near(t, "paired high", p.Hi, -0.7001142)
	w := Welch(a, b)
	near(t, "Welch t", w.Estimate/w.SE, -1.8608)
	near(t, "Welch df", w.DF, 17.776)
	near(t, "Welch p", w.P, 0.07939)
	near(t, "Welch low", w.Lo, -3.3654832)
	near(t, "Welch high", w.Hi, 0.2054832)
	if p.N != 10 || p.DF != 9 || p.Verdict() != Lower || w.Verdict() != Unclear {
		t.Errorf("paired %+v, Welch %+v", p, w)
	}
}

// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
func TestHolmAgainstR(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, nan, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, nan, 0.06, 0.02} {
		if !math.IsNaN(want) || !math.IsNaN(got[i]) {
			near(t, "adjusted p", got[i], want)
		}
	}
}

func TestHolmProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 8).Draw(t, "p")
		adjusted := Holm(p)
		order := indices(len(p))
		slices.SortFunc(order, func(i, k int) int { return int(math.Copysign(1, p[i]-p[k])) })
		for k, i := range order {
			if adjusted[i] < p[i] || adjusted[i] > 1 || k > 0 && adjusted[i] < adjusted[order[k-1]] {
				t.Fatalf("p %v adjusted to %v", p, adjusted)
			}
		}
		if m := slices.Min(p); adjusted[slices.Index(p, m)] != min(1, m*float64(len(p))) {
			t.Fatalf("the smallest of %v is adjusted to %v", p, adjusted)
		}
	})
}

func TestDesignFollowsFromTheData(t *testing.T) {
	seeds := func(from, to int, shift float64) []float64 {
		row := slices.Repeat([]float64{nan}, 12)
		for j := from; j < to; j++ {
			row[j] = shift + float64((j*j*7+int(shift)*j)%5)
		}
		return row
	}
	a := Against([][]float64{seeds(0, 5, 0), seeds(0, 5, 3), seeds(0, 2, 4), seeds(6, 10, 5), seeds(2, 6, 6), seeds(0, 0, 0)}, 0)
	var got []Design
	for _, d := range a.Differences {
		got = append(got, d.Design)
	}
	if want := []Design{"", ByBlocks, "", ByWelch, ByBlocks, ""}; !slices.Equal(got, want) {
		t.Errorf("designs %q, want %q", got, want)
	}
	if a.Design != ByBlocks || a.Treatments != 5 || a.Seeds != 5 || a.DF != a.Differences[1].DF {
		t.Errorf("%+v", a)
	}
	if w := a.Differences[2].Warnings; len(w) != 1 || w[0].Kind != FewSeeds || w[0].Text != "2 seeds: no comparison with fewer than 3" {
		t.Errorf("two seeds: %+v", w)
	}
	if w := a.Differences[3].Warnings; len(w) != 1 || w[0].Kind != NotPaired {
		t.Errorf("other seeds: %+v", w)
	}
	if many := Against([][]float64{seeds(0, 9, 0), seeds(0, 8, 3)}, 0); many.Design != ByPairs || many.DF != 7 || math.IsNaN(many.Differences[1].BCaLo) {
		t.Errorf("eight pairs: %+v", many)
	}
}

func TestIdenticalRowsAreTheSame(t *testing.T) {
	a := Against([][]float64{{1, 2, 4}, {1, 2, 4}, {1, 3, 3}}, 0)
	d := a.Differences[1]
	if d.Verdict() != Same || d.P != 1 || d.Estimate != 0 || a.Differences[2].Verdict() != Unclear {
		t.Errorf("%+v", a.Differences)
	}
	// A row that equals another adds nothing to what is known of the noise.
	values := [][]float64{{1, 2, 4}, {1, 3, 3}, {2, 2, 5}}
	alone, twice := Against(values, 0), Against([][]float64{values[0], values[1], values[1], values[2], values[0]}, 0)
	if twice.Noise != alone.Noise || twice.Treatments != 3 || twice.Differences[1].P != alone.Differences[1].P || twice.Differences[2].P != alone.Differences[1].P {
		t.Errorf("%+v, want %+v", twice, alone)
	}
	if a := Against([][]float64{{1, 2, 4}, {1, 2, 4}}, 0); a.Differences[1].Verdict() != Same {
		t.Errorf("nothing but twins: %+v", a)
	}
	same := slices.Repeat([]float64{2.5}, 9)
	if d := Paired(same, same); d.Verdict() != Same || math.Signbit(d.Lo) {
		t.Errorf("pairs: %+v", d)
	}
}

// Where all rows are equal, one experiment in twenty finds any difference at all,
// or fewer. Where there is one of the detectable size, four in five find it.
func TestErrorRateAndPower(t *testing.T) {
	const experiments = 2000
	const rows, seeds = 6, 4
	effect, alarms, found := Detectable(rows, seeds, 1), 0, 0
	for e := range experiments {
		key := random.New(11).Step(e)
		a := Against(simulate(key, make([]float64, rows), seeds, 1), 0)
		var family []*Difference
		for i := range a.Differences {
			family = append(family, &a.Differences[i])
		}
		if n := AdjustHolm(family); n != rows-1 {
			t.Fatalf("%d tests", n)
		}
		alarms += count(slices.ContainsFunc(a.Differences, func(d Difference) bool { return d.Compared() && d.Verdict() != Unclear }))
		b := Against(simulate(key, []float64{0, effect, 0, 0, 0, 0}, seeds, 1), 0)
		found += count(b.Differences[1].P < Alpha)
	}
	if share := float64(alarms) / experiments; share > 0.06 {
		t.Errorf("a difference was seen in %.1f %% of experiments without one", 100*share)
	}
	if share := float64(found) / experiments; math.Abs(share-Power) > 0.03 {
		t.Errorf("the detectable difference was found in %.1f %% of experiments, want 80", 100*share)
	}
}

func TestDetectable(t *testing.T) {
	// Many degrees of freedom: (1.960 + 0.842)·√(2/n).
	near(t, "many seeds", Detectable(100, 100000, 1)/math.Sqrt(2./100000), 1.95996+0.84162)
	// 3 seeds × 5 rows, 8 df: t(0.975) = 2.306, t(0.8) = 0.8889 of any table.
	near(t, "3 seeds, 5 rows", Detectable(5, 3, 1), (2.30600+0.88889)*math.Sqrt(2./3))
	near(t, "3 seeds, 5 rows, 4 tests", Detectable(5, 3, 4), (3.20600+0.88889)*math.Sqrt(2./3))
	for _, c := range [][3]int{{1, 9, 1}, {5, 2, 1}, {5, 0, 1}, {5, 3, 0}} {
		if d := Detectable(c[0], c[1], c[2]); !math.IsNaN(d) {
			t.Errorf("%v: %v", c, d)
		}
	}
	for seeds := 4; seeds < 20; seeds++ {
		if n := SeedsFor(Detectable(6, seeds, 5), 6, 5, 100); n > seeds {
			t.Errorf("%d seeds do what %d are asked for", seeds, n)
		}
	}
	if n := SeedsFor(0.01, 5, 4, 50); n != 0 {
		t.Errorf("%d seeds for a hundredth of σ", n)
	}
}

func TestNoise(t *testing.T) {
	// χ²(0.025, 15) = 6.262, χ²(0.975, 15) = 27.488 of any table.
	n := FitBlocks(grafts()).Noise()
	near(t, "sigma", n.Sigma, math.Sqrt(109.886/15))
	near(t, "low", n.Lo, n.Sigma*math.Sqrt(15/27.48839))
	near(t, "high", n.Hi, n.Sigma*math.Sqrt(15/6.262138))
	s := Scatter([][]float64{{1, 3, nan}, {5}, {1, 2, 3}})
	near(t, "scatter", s.Sigma, math.Sqrt((2.+2.)/3))
	if s.DF != 3 || Scatter(nil).DF != 0 || !math.IsNaN(Scatter([][]float64{{1}}).Sigma) {
		t.Errorf("scatter %+v", s)
	}
}

package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ranklab/internal/random"
)

var nan = math.NaN()

// Montgomery, Design and Analysis of Experiments, example 4.1: yield of vascular
// grafts at four pressures in six batches of resin. The book gives the sum of
// squared errors 109.89 with 15 degrees of freedom, and 7.33 for their mean.
func grafts() [][]float64 {
	return [][]float64{
		{90.3, 89.2, 98.2, 93.9, 87.4, 97.9},
		{92.5, 89.5, 90.6, 94.7, 87.0, 95.8},
		{85.5, 90.8, 89.6, 86.2, 88.0, 93.4},
		{82.5, 89.5, 85.6, 87.4, 78.9, 90.7},
	}
}

func TestCompleteBlocksAgainstTextbook(t *testing.T) {
	b := FitBlocks(grafts())
	near(t, "sum of squared errors", b.Sigma*b.Sigma*float64(b.DF), 109.886)
	d := b.Difference(0, 3)
	if b.DF != 15 || d.DF != 15 || d.N != 6 || d.Design != ByBlocks {
		t.Errorf("%d df, difference %+v", b.DF, d)
	}
	near(t, "difference", d.Estimate, 92.8167-85.7667)
	near(t, "standard error", d.SE, math.Sqrt(7.3258*2/6))
	near(t, "lower end", d.Lo, 7.05-2.13145*d.SE) // t(0.975, 15) of any table
	if back := b.Difference(3, 0); back.Estimate != -d.Estimate || back.P != d.P || back.Lo != -d.Hi {
		t.Errorf("the other way round: %+v", back)
	}
}

// Montgomery, example 4.5: reaction time of four catalysts, three in each of four
// batches. The book gives effects 3/8·(−9/3, −7/3, −4/3, 20/3), the sum of squared
// errors 3.25 with 5 degrees of freedom, and the variance 2·3/8·σ² of a difference.
func TestIncompleteBlocksAgainstTextbook(t *testing.T) {
	b := FitBlocks([][]float64{
		{73, 74, nan, 71},
		{nan, 75, 67, 72},
		{73, 75, 68},
		{75, nan, 72, 75},
	})
	near(t, "sum of squared errors", b.Sigma*b.Sigma*float64(b.DF), 3.25)
	if b.DF != 5 {
		t.Errorf("%d df, want 5", b.DF)
	}
	effects := []float64{-9. / 8, -7. / 8, -4. / 8, 20. / 8}
	for i := range effects {
		for k := range i {
			d := b.Difference(i, k)
			near(t, "difference", d.Estimate, effects[i]-effects[k])
			near(t, "standard error", d.SE, math.Sqrt(0.75*0.65))
			if d.N != 2 {
				t.Errorf("%d and %d share %d batches, want 2", i, k, d.N)
			}
		}
	}
}

// Dummy regression with numpy 2 (lstsq and pinv of the design matrix) and p values
// of scipy.stats.t: 6 degrees of freedom, s = 0.15088125.
func TestMissingCellsAgainstRegression(t *testing.T) {
	b := FitBlocks([][]float64{{28.1, 29.0, 27.5, nan}, {27.0, 28.2, nan, 26.9}, {28.0, 29.4, 27.6, 27.9}, {30.0, nan, 29.1, 29.8}})
	near(t, "sigma", b.Sigma, 0.15088124971364644)
	for i, want := range [][3]float64{1: {-0.9875, 0.13066699520676137, 0.00027864576812437135}, 2: {0.10681818181818184, 0.11819274425018046, 0.4009494889528709}, 3: {1.8625, 0.13066699520676134, 7.456413462034822e-06}} {
		if i == 0 {
			continue
		}
		d := b.Difference(i, 0)
		near(t, "difference", d.Estimate, want[0])
		near(t, "standard error", d.SE, want[1])
		if !(math.Abs(d.P/want[2]-1) <= 1e-6) || d.DF != 6 {
			t.Errorf("p = %v with %v df, want %v with 6", d.P, d.DF, want[2])
		}
	}
}

// What blocks do not connect is not compared, and a block of one value tells
// nothing.
func TestPartsAreNotCompared(t *testing.T) {
	b := FitBlocks([][]float64{
		{1, 2, 4, nan, nan, nan},
		{2, 3, 6, nan, nan, nan},
		{nan, nan, nan, 5, 6, 8},
		{nan, nan, nan, 7, 7, 7},
		{nan, nan, nan, nan, nan, nan},
		{nan, nan, nan, nan, nan, nan, 9},
	})
	if b.Connected(0, 2) || !b.Connected(0, 1) || b.Difference(0, 2).Compared() || b.Difference(4, 0).Compared() || !b.Difference(3, 2).Compared() {
		t.Error("parts are mixed")
	}
	if b.DF != 4 { // 2 in each part
		t.Errorf("%d df, want 4", b.DF)
	}
	for _, values := range [][][]float64{nil, {{}}, {{1}, {2}}, {{nan}, {nan}}, {{1, 2, 3}}} {
		if b := FitBlocks(values); b.DF > 0 || !math.IsNaN(b.Sigma) {
			t.Errorf("%v: %d df, sigma %v", values, b.DF, b.Sigma)
		}
	}
}

// design draws values with missing cells, those of the first two treatments
// complete.
func design(t *rapid.T) [][]float64 {
	a, n := rapid.IntRange(2, 5).Draw(t, "treatments"), rapid.IntRange(3, 6).Draw(t, "blocks")
	values := make([][]float64, a)
	for i := range values {
		for range n {
			v := rapid.Float64Range(-10, 10).Draw(t, "value")
			if i > 1 && rapid.IntRange(0, 4).Draw(t, "missing") == 0 {
				v = nan
			}
			values[i] = append(values[i], v)
		}
	}
	return values
}

func equal(t *rapid.T, what string, got, want, scale float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-8*scale) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func TestBlocksProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := design(t)
		d := FitBlocks(values).Difference(1, 0)
		if !(d.P >= 0 && d.P <= 1) || !(d.Lo <= d.Estimate && d.Estimate <= d.Hi) {
			t.Fatalf("%+v", d)
		}
		// A shift of all, or of a block, changes nothing; one of a treatment moves
		// its difference; a factor is one of estimate and error.
		factor, shift := rapid.Float64Range(0.1, 100).Draw(t, "factor"), rapid.Float64Range(-1000, 1000).Draw(t, "shift")
		moved := make([][]float64, len(values))
		for i, row := range values {
			for j, v := range row {
				moved[i] = append(moved[i], factor*v+shift*float64(j+1))
			}
		}
		for j := range moved[1] {
			moved[1][j] += shift
		}
		m := FitBlocks(moved).Difference(1, 0)
		scale := 1000 * (1 + factor) * 10
		equal(t, "estimate", m.Estimate, factor*d.Estimate+shift, scale)
		equal(t, "error", m.SE, factor*d.SE, scale)
		// The order of seeds and of methods does not matter.
		blocks := rapid.Permutation(indices(len(values[0]))).Draw(t, "blocks")
		rows := rapid.Permutation(indices(len(values))).Draw(t, "rows")
		shuffled := make([][]float64, len(values))
		for i, row := range rows {
			for _, j := range blocks {
				shuffled[i] = append(shuffled[i], values[row][j])
			}
		}
		s := FitBlocks(shuffled).Difference(slices.Index(rows, 1), slices.Index(rows, 0))
		equal(t, "estimate in another order", s.Estimate, d.Estimate, 10)
		equal(t, "error in another order", s.SE, d.SE, 10)
	})
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// Two treatments in complete blocks are a paired t test.
func TestTwoTreatmentsArePaired(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := design(t)[:2]
		d, p := FitBlocks(values).Difference(1, 0), Paired(values[1], values[0])
		equal(t, "estimate", d.Estimate, p.Estimate, 10)
		equal(t, "error", d.SE, p.SE, 10)
		if d.DF != p.DF {
			t.Fatalf("%v df, want %v", d.DF, p.DF)
		}
	})
}

// simulate draws values with the effects of treatments and blocks and normal
// noise of the standard deviations sigma, one per treatment.
func simulate(key random.Key, effects []float64, seeds int, sigma ...float64) [][]float64 {
	values := make([][]float64, len(effects))
	for i, effect := range effects {
		for j := range seeds {
			block := 3 * key.Stream("block").Normal(uint64(j))
			values[i] = append(values[i], 28+effect+block+sigma[i%len(sigma)]*key.Stream("noise").Normal(uint64(i*seeds+j)))
		}
	}
	return values
}

// In simulations the interval of a difference holds the true one in 95 % of
// experiments: blocks with few seeds, and pairs with many although the noise of
// methods differs.
func TestCoverage(t *testing.T) {
	const experiments = 3000
	for _, c := range []struct {
		seeds int
		sigma []float64
	}{{3, []float64{1}}, {5, []float64{1}}, {9, []float64{1, 4}}} {
		effects, held := []float64{0, 1.5, -2, 0.5}, 0
		for e := range experiments {
			values := simulate(random.New(7).Step(c.seeds).Step(e), effects, c.seeds, c.sigma...)
			if c.seeds < MinPairs {
				values[3][e%c.seeds] = nan // an incomplete design covers, too
				d := FitBlocks(values).Difference(1, 0)
				held += count(d.Lo <= 1.5 && 1.5 <= d.Hi)
				continue
			}
			d := paired(values[1], values[0]) // without its bootstrap
			held += count(d.Lo <= 1.5 && 1.5 <= d.Hi)
		}
		if share := float64(held) / experiments; math.Abs(share-0.95) > 0.012 { // three standard errors
			t.Errorf("%d seeds: the interval held the difference in %.1f %% of experiments", c.seeds, 100*share)
		}
	}
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// A treatment with much more noise is found, and seldom one where there is none.
func TestUneven(t *testing.T) {
	const experiments = 2000
	found, false1 := 0, 0
	for e := range experiments {
		key := random.New(3).Step(e)
		_, p := FitBlocks(simulate(key, make([]float64, 5), 3, 1)).Uneven()
		false1 += count(p < Alpha)
		i, p := FitBlocks(simulate(key, make([]float64, 5), 4, 1, 1, 10, 1, 1)).Uneven()
		found += count(p < Alpha && i == 2)
	}
	if share := float64(false1) / experiments; share > 0.06 || share < 0.03 {
		t.Errorf("equal noise: found in %.1f %% of experiments, want about 5", 100*share)
	}
	if share := float64(found) / experiments; share < 0.8 {
		t.Errorf("ten times the noise: found in %.1f %% of experiments", 100*share)
	}
	// A row without values is no treatment: it changes nothing.
	values := simulate(random.New(3).Step(0), make([]float64, 5), 4, 1, 1, 10, 1, 1)
	_, want := FitBlocks(values).Uneven()
	if i, p := FitBlocks(append(slices.Clone(values), nil)).Uneven(); i != 2 || p != want || !(p < Alpha) {
		t.Errorf("with an empty row: treatment %d, p = %v, want 2, %v", i, p, want)
	}
	for _, values := range [][][]float64{nil, grafts()[:2], {{1, 2, 3}, {2, nan, 5}, {3, 4, 9}}, {{1, 2, 3}, {2, 3, 4}, {4, 5, 6}}} {
		if _, p := FitBlocks(values).Uneven(); p != 1 {
			t.Errorf("%v: p = %v", values, p)
		}
	}
}

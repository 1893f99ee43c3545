package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Power is how often a difference as large as the minimum detectable one is
// found.
const Power = 0.8

// A Noise is the noise floor: the standard deviation of one run around what its
// method and its seed make it.
type Noise struct {
	Sigma  float64 // NaN when DF is 0
	DF     int
	Lo, Hi float64 // interval of Sigma, from the χ² distribution
}

func newNoise(sigma float64, df int) Noise {
	n := Noise{Sigma: sigma, DF: df, Lo: math.NaN(), Hi: math.NaN()}
	if df > 0 {
		chi := distuv.ChiSquared{K: float64(df)}
		n.Lo = sigma * math.Sqrt(float64(df)/chi.Quantile(1-Alpha/2))
		n.Hi = sigma * math.Sqrt(float64(df)/chi.Quantile(Alpha/2))
	}
	return n
}

// Noise returns σ of the model.
func (b *Blocks) Noise() Noise { return newNoise(b.Sigma, b.DF) }

// Scatter returns the standard deviation over seeds pooled over treatments,
// what a seed shares between treatments included. It bounds the σ of a block
// design from above where such a share helps.
func Scatter(values [][]float64) Noise {
	squares, df := 0.0, 0
	for _, row := range values {
		if m := Of(present(row)); m.N >= 2 {
			squares += float64(m.N-1) * m.SD * m.SD
			df += m.N - 1
		}
	}
	if df == 0 {
		return newNoise(math.NaN(), 0)
	}
	return newNoise(math.Sqrt(squares/float64(df)), df)
}

// DesignOf returns how treatments with so many seeds are compared, and the
// degrees of freedom.
func DesignOf(treatments, seeds int) (Design, int) {
	if seeds >= MinPairs {
		return ByPairs, seeds - 1
	}
	return ByBlocks, (treatments - 1) * (seeds - 1)
}

// Detectable returns the minimum detectable difference of two treatments in a
// complete design, in units of σ: the one that is found with probability
// [Power] at the level [Alpha] divided by the number of tests (the first step of
// Holm),
//
//	(t(1−α/2/tests, df) + t(Power, df)) · √(2/seeds)
//
// which comes to 2.8·√(2/seeds) for one test and many degrees of freedom. It is
// NaN where nothing would be compared.
func Detectable(treatments, seeds, tests int) float64 {
	if treatments < 2 || seeds < MinSeeds || tests < 1 {
		return math.NaN()
	}
	_, df := DesignOf(treatments, seeds)
	return detectable(float64(df), seeds, tests)
}

// Detectable returns the minimum detectable difference of two treatments as they
// were compared, by one test; NaN where nothing was.
func (a Analysis) Detectable() float64 {
	if a.Seeds < MinSeeds || !(a.DF >= 1) {
		return math.NaN()
	}
	return a.Noise.Sigma * detectable(a.DF, a.Seeds, 1)
}

func detectable(df float64, seeds, tests int) float64 {
	t := studentQuantile(1-Alpha/2/float64(tests), df) + studentQuantile(Power, df)
	return t * math.Sqrt(2/float64(seeds))
}

// SeedsFor returns the fewest seeds with which a difference of so many σ is
// detectable, at most limit; 0 when those do not suffice.
func SeedsFor(sigmas float64, treatments, tests, limit int) int {
	for seeds := MinSeeds; seeds <= limit; seeds++ {
		if Detectable(treatments, seeds, tests) <= sigmas {
			return seeds
		}
	}
	return 0
}

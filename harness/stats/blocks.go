package stats

import (
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Blocks is the additive model of a block design fitted by least squares:
// treatment i (a method) in block j (a seed) has the value
//
//	y_ij = μ + τ_i + β_j + ε_ij
//
// with errors ε of one variance σ². In a complete design τ_i − τ_k is the mean
// difference over the blocks, σ² has (treatments−1)·(blocks−1) degrees of freedom,
// and the difference has the standard error σ·√(2/blocks). Cells may be missing:
// then with n_ij = 1 where there is a value, k_j values in block j and their mean
// ȳ_j, the effects solve
//
//	C τ = q,  C_ik = Σ_j (n_ij δ_ik − n_ij n_kj / k_j),  q_i = Σ_j n_ij (y_ij − ȳ_j)
//
// C is the Laplacian of the graph whose nodes are treatments and whose edges are
// shared blocks. It has an inverse once one treatment of each connected part is
// held at 0; only treatments of one part can be compared.
//
// Source: R. A. Fisher, The Design of Experiments (1935); incomplete blocks as in
// D. C. Montgomery, Design and Analysis of Experiments, chapter 4.
type Blocks struct {
	Sigma float64 // √(sum of squared residuals / DF); NaN when DF is 0
	DF    int     // values − treatments − blocks + connected parts

	values     [][]float64 // [treatment][block]
	width      int         // blocks
	part       []int       // the smallest treatment that blocks connect a treatment with
	free       []int       // row of a treatment in C; -1 for one that is held at 0
	effects    []float64   // τ
	covariance *mat.SymDense
	residuals  [][]float64 // NaN where there is no value
}

// FitBlocks fits the model to values[treatment][block]. Missing values are NaN,
// and those beyond the end of a row.
func FitBlocks(values [][]float64) *Blocks {
	b := &Blocks{values: values}
	for _, row := range values {
		b.width = max(b.width, len(row))
	}
	b.connect()
	b.solve()
	b.fit()
	return b
}

func (b *Blocks) has(i, j int) bool { return j < len(b.values[i]) && !math.IsNaN(b.values[i][j]) }

// in lists the treatments of a block.
func (b *Blocks) in(j int) []int {
	var list []int
	for i := range b.values {
		if b.has(i, j) {
			list = append(list, i)
		}
	}
	return list
}

// connect finds the connected parts.
func (b *Blocks) connect() {
	b.part = make([]int, len(b.values))
	for i := range b.part {
		b.part[i] = i
	}
	for j := range b.width {
		in := b.in(j)
		for _, i := range in {
			from, to := b.part[i], b.part[in[0]]
			from, to = max(from, to), min(from, to)
			if from == to {
				continue
			}
			for k, p := range b.part {
				if p == from {
					b.part[k] = to
				}
			}
		}
	}
}

// solve finds the effects and their covariance over σ², which is the inverse of
// C without the treatments that are held at 0.
func (b *Blocks) solve() {
	b.effects, b.free = make([]float64, len(b.values)), make([]int, len(b.values))
	n := 0
	for i := range b.free {
		b.free[i] = -1
		if b.part[i] != i {
			b.free[i] = n
			n++
		}
	}
	if n == 0 {
		return
	}
	c, q := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	for j := range b.width {
		in := b.in(j)
		mean := b.mean(in, j)
		for _, i := range in {
			row := b.free[i]
			if row < 0 {
				continue
			}
			q.SetVec(row, q.AtVec(row)+b.values[i][j]-mean)
			c.SetSym(row, row, c.At(row, row)+1)
			for _, k := range in {
				if col := b.free[k]; col >= row {
					c.SetSym(row, col, c.At(row, col)-1/float64(len(in)))
				}
			}
		}
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(c) {
		panic("stats: the Laplacian of a connected design is singular")
	}
	var effects mat.VecDense
	b.covariance = mat.NewSymDense(n, nil)
	// Errors tell of a bad condition: the result is the best there is.
	_ = cholesky.SolveVecTo(&effects, q)
	_ = cholesky.InverseTo(b.covariance)
	for i, row := range b.free {
		if row >= 0 {
			b.effects[i] = effects.AtVec(row)
		}
	}
}

func (b *Blocks) mean(in []int, j int) float64 {
	sum := 0.0
	for _, i := range in {
		sum += b.values[i][j]
	}
	return sum / float64(len(in))
}

// fit computes the residuals and σ.
func (b *Blocks) fit() {
	b.residuals = make([][]float64, len(b.values))
	for i := range b.residuals {
		b.residuals[i] = make([]float64, b.width)
		for j := range b.residuals[i] {
			b.residuals[i][j] = math.NaN()
		}
	}
	used, parts := map[int]bool{}, map[int]bool{}
	cells, blocks, squares := 0, 0, 0.0
	for j := range b.width {
		in := b.in(j)
		if len(in) == 0 {
			continue
		}
		blocks++
		mean, effect := b.mean(in, j), 0.0
		for _, i := range in {
			effect += b.effects[i] / float64(len(in))
		}
		for _, i := range in {
			r := b.values[i][j] - mean - (b.effects[i] - effect)
			b.residuals[i][j] = r
			squares += r * r
			used[i], parts[b.part[i]] = true, true
			cells++
		}
	}
	b.DF = cells - len(used) - blocks + len(parts)
	b.Sigma = math.NaN()
	if b.DF > 0 {
		b.Sigma = math.Sqrt(squares / float64(b.DF))
	}
}

// Shared counts the blocks that two treatments share.
func (b *Blocks) Shared(i, k int) (n int) {
	for j := range b.width {
		if b.has(i, j) && b.has(k, j) {
			n++
		}
	}
	return n
}

// Connected reports whether two treatments can be compared.
func (b *Blocks) Connected(i, k int) bool { return b.part[i] == b.part[k] }

// identical reports whether two treatments share blocks and have the same value
// in each.
func identical(a, b []float64) bool {
	n := 0
	for j := range min(len(a), len(b)) {
		if math.IsNaN(a[j]) || math.IsNaN(b[j]) {
			continue
		}
		if a[j] != b[j] {
			return false
		}
		n++
	}
	return n > 0
}

// Difference returns τ_i − τ_k with the pooled error.
func (b *Blocks) Difference(i, k int) Difference {
	if !b.Connected(i, k) || b.DF < 1 {
		return none()
	}
	v := func(i, k int) float64 {
		if b.free[i] < 0 || b.free[k] < 0 {
			return 0
		}
		return b.covariance.At(b.free[i], b.free[k])
	}
	variance := max(0, v(i, i)+v(k, k)-2*v(i, k))
	d := newDifference(ByBlocks, b.Shared(i, k), b.effects[i]-b.effects[k], b.Sigma*math.Sqrt(variance), float64(b.DF))
	if identical(b.values[i], b.values[k]) {
		return d.same()
	}
	return d
}

// Uneven looks for a treatment that scatters more than the others, which a
// pooled error would make look too sure of itself. It returns the one whose
// residuals hold the largest share of all squares, and the probability of a
// share as large in one of them where σ is the same for all; 1 in an incomplete
// design or one of fewer than three treatments, whose residuals mirror each
// other.
//
// With a treatments in n complete blocks, a/(a−1) times the share follows
// Beta((n−1)/2, (a−2)(n−1)/2); Bonferroni over the treatments.
func (b *Blocks) Uneven() (treatment int, p float64) {
	a, n := 0, b.width
	for _, row := range b.values {
		if len(present(row)) > 0 { // others are no treatments of the design
			a++
		}
	}
	if a < 3 || n < MinSeeds || b.DF != (a-1)*(n-1) || !(b.Sigma > 0) {
		return 0, 1
	}
	share := 0.0
	for i, row := range b.residuals {
		s := 0.0
		for _, r := range row {
			s += r * r
		}
		if s > share {
			treatment, share = i, s
		}
	}
	total := b.Sigma * b.Sigma * float64(b.DF)
	x := min(1, share/total*float64(a)/float64(a-1))
	beta := distuv.Beta{Alpha: float64(n-1) / 2, Beta: float64((a-2)*(n-1)) / 2}
	return treatment, min(1, float64(a)*beta.Survival(x))
}

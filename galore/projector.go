package galore

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/optim"
	"ranklab/tensor"
)

// A ProjType selects the side on which a gradient (out, in) is projected.
type ProjType string

// The projection types. Square matrices count as tall.
const (
	Std        ProjType = "std"         // out ≥ in: right, else left: the basis lies on the short side
	ReverseStd ProjType = "reverse_std" // the other side: the basis lies on the long side
	Left       ProjType = "left"        // P (out, r), R = Pᵀ·G (r, in)
	Right      ProjType = "right"       // P (r, in),  R = G·Pᵀ (out, r)
	Full       ProjType = "full"        // both:       R = P_leftᵀ·G·P_rightᵀ (r, r)
)

var projTypes = []ProjType{Std, ReverseStd, Left, Right, Full}

// sides says which bases the projection of an (out, in) matrix has.
func (t ProjType) sides(out, in int) (left, right bool) {
	switch t {
	case Std:
		return out < in, out >= in
	case ReverseStd:
		return out >= in, out < in
	case Left:
		return true, false
	case Right:
		return false, true
	case Full:
		return true, true
	}
	panic(fmt.Sprintf("galore: unknown proj_type %q", t))
}

// A projector holds the bases of one weight. Its sides are fixed when it is
// made and never guessed from the shape of a gradient (ms-swift#10146).
type projector struct {
	left  tensor.Matrix // (out, r), orthonormal columns; no rows: absent
	right tensor.Matrix // (r, in), orthonormal rows; no rows: absent

	leftKey, rightKey random.Key // of each basis; a refresh derives its own

	// Where bases are not kept in float32, left and right lie in scratch that
	// all projectors share, and hold values between open and the next one's.
	leftKept, rightKept tensor.Store
}

// open widens bases that are not kept in float32.
func (p *projector) open(d *tensor.Device) {
	if p.leftKept.Halves != nil {
		d.Load(p.left, p.leftKept)
	}
	if p.rightKept.Halves != nil {
		d.Load(p.right, p.rightKept)
	}
}

// keep rounds new bases to nearest, and goes on with what is kept.
func (p *projector) keep(d *tensor.Device) {
	if p.leftKept.Halves != nil {
		d.Save(p.leftKept, p.left, tensor.Rounding{})
	}
	if p.rightKept.Halves != nil {
		d.Save(p.rightKept, p.right, tensor.Rounding{})
	}
	p.open(d)
}

// shape returns the shape of the projected gradient.
func (p *projector) shape(out, in int) (rows, cols int) {
	rows, cols = out, in
	if p.left.Rows > 0 {
		rows = p.left.Cols
	}
	if p.right.Rows > 0 {
		cols = p.right.Rows
	}
	return rows, cols
}

// project computes r = G, projected on each side that has a basis. half is
// scratch of shape (r, in), used when both have.
func (p *projector) project(d *tensor.Device, g, r, half tensor.Matrix) {
	switch {
	case p.right.Rows == 0:
		d.Gemm(tensor.T, tensor.N, 1, p.left, g, 0, r)
	case p.left.Rows == 0:
		d.Gemm(tensor.N, tensor.T, 1, g, p.right, 0, r)
	default:
		d.Gemm(tensor.T, tensor.N, 1, p.left, g, 0, half)
		d.Gemm(tensor.N, tensor.T, 1, half, p.right, 0, r)
	}
}

// back computes w ← w + alpha·back(r), the inverse movement of project.
func (p *projector) back(d *tensor.Device, alpha float32, r, half, w tensor.Matrix) {
	switch {
	case p.right.Rows == 0:
		d.Gemm(tensor.N, tensor.N, alpha, p.left, r, 1, w)
	case p.left.Rows == 0:
		d.Gemm(tensor.N, tensor.N, alpha, r, p.right, 1, w)
	default:
		d.Gemm(tensor.N, tensor.N, 1, r, p.right, 0, half)
		d.Gemm(tensor.N, tensor.N, alpha, p.left, half, 1, w)
	}
}

// isSet reports whether the bases hold one: before the first refresh they are
// zero, afterwards orthonormal.
func (p *projector) isSet(d *tensor.Device) bool {
	for _, m := range []tensor.Matrix{p.left, p.right} {
		if m.Rows > 0 && d.SumSquares(m) == 0 {
			return false
		}
	}
	return true
}

// A finder computes the bases of a gradient. It returns false, and changes
// nothing, if the gradient determines none. key is that of one refresh of one
// basis; p holds the old basis, or zeros.
type finder interface {
	leftBasis(g, p tensor.Matrix, key random.Key) (captured float64, ok bool)
	rightBasis(g, p tensor.Matrix, key random.Key) (captured float64, ok bool)
}

// refresh takes new bases from g in update n. It returns the share of ‖G‖² that
// they capture (full: that the right one does), and false if g has none. With
// two sides, a right decomposition that fails after the left one has not leaves
// the left basis renewed.
func (p *projector) refresh(f finder, g tensor.Matrix, n int) (captured float64, ok bool) {
	captured, ok = 0, true
	if p.left.Rows > 0 {
		captured, ok = f.leftBasis(g, p.left, p.leftKey.Step(n))
	}
	if ok && p.right.Rows > 0 {
		captured, ok = f.rightBasis(g, p.right, p.rightKey.Step(n))
	}
	return captured, ok
}

// A Projector is a way to compute a basis from a gradient.
type Projector string

// The projectors.
const (
	// SVD takes the singular vectors of an exact decomposition, as 2403.03507 does.
	SVD Projector = "svd"
	// RangeFinder approximates them by subspace iteration from the old basis
	// (0909.4061), in a quarter of the time and with a little less captured energy.
	RangeFinder Projector = "range_finder"
)

var projectors = []Projector{SVD, RangeFinder}

// RefreshFLOPs returns the arithmetic of new bases for an (out, in) weight: of
// products in float32 with the range finder, of a Gram matrix and its
// eigenvectors in float64, about 9m³, with the exact decomposition.
func (c Config) RefreshFLOPs(out, in int) float64 {
	var flops float64
	r := min(c.Rank, out, in)
	left, right := c.ProjType.sides(out, in)
	for _, side := range []struct{ wanted, left bool }{{left, true}, {right, false}} {
		panel := tensor.Panel{Out: out, In: in, Rank: r, Left: side.left}
		switch {
		case !side.wanted:
		case c.Projector == SVD:
			m, n := float64(min(out, in)), float64(max(out, in))
			flops += m*m*n + 9*m*m*m
			if !panel.ShortSide() {
				flops += 2*m*n*float64(r) + 4*n*float64(r)*float64(r)
			}
		default:
			flops += panel.FLOPs()
		}
	}
	return flops
}

// newFinder returns the finder for bases of the given panels.
func (p Projector) newFinder(env optim.Env, panels []tensor.Panel) finder {
	if p == RangeFinder {
		return approximate{env.Device, tensor.NewRangeFinder(env.Ledger.For(memory.Refresh), "galore.range_finder", panels...)}
	}
	var short, long, wanted int
	for _, q := range panels {
		short, long = max(short, min(q.Out, q.In)), max(long, max(q.Out, q.In))
		if !q.ShortSide() {
			wanted = max(wanted, q.Rank)
		}
	}
	return exact{env.Device, tensor.NewSVD(env.Ledger.For(memory.Refresh), "galore.svd", short, long, wanted)}
}

// exact finds singular vectors by an exact decomposition.
type exact struct {
	device    *tensor.Device
	workspace *tensor.SVD
}

func (e exact) leftBasis(g, p tensor.Matrix, _ random.Key) (float64, bool) {
	return e.device.LeftBasis(e.workspace, g, p)
}

func (e exact) rightBasis(g, p tensor.Matrix, _ random.Key) (float64, bool) {
	return e.device.RightBasis(e.workspace, g, p)
}

// approximate finds bases by a range finder that starts from the old one.
type approximate struct {
	device    *tensor.Device
	workspace *tensor.RangeFinder
}

func (a approximate) leftBasis(g, p tensor.Matrix, key random.Key) (float64, bool) {
	return a.device.FindLeft(a.workspace, g, p, key)
}

func (a approximate) rightBasis(g, p tensor.Matrix, key random.Key) (float64, bool) {
	return a.device.FindRight(a.workspace, g, p, key)
}

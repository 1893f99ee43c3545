package galore

import (
	"fmt"

	"ranklab/internal/random"
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

// sides are one side of a weight, both, or none.
type sides struct{ left, right bool }

// sides says which bases the projection of an (out, in) matrix has.
func (t ProjType) sides(out, in int) sides {
	switch t {
	case Std:
		return sides{left: out < in, right: out >= in}
	case ReverseStd:
		return sides{left: out >= in, right: out < in}
	case Left:
		return sides{left: true}
	case Right:
		return sides{right: true}
	case Full:
		return sides{left: true, right: true}
	}
	panic(fmt.Sprintf("galore: unknown proj_type %q", t))
}

// A projector holds the bases of one weight. Its sides are fixed when it is
// made and never guessed from the shape of a gradient (ms-swift#10146).
type projector struct {
	left  tensor.Matrix // (out, r), columns orthonormal but for Gaussian; no rows: absent
	right tensor.Matrix // (r, in), rows likewise; no rows: absent

	leftKey, rightKey random.Key // of each basis; a refresh derives its own

	// Where bases are not kept in float32, left and right lie in scratch that
	// all projectors share, and hold values between open and the next one's.
	leftKept, rightKept tensor.Store
}

// sides says which bases there are.
func (p *projector) sides() sides { return sides{p.left.Rows > 0, p.right.Rows > 0} }

// open widens bases that are not kept in float32.
func (p *projector) open(d *tensor.Device) {
	if p.leftKept.Format.Type != tensor.Float32 {
		d.Load(p.left, p.leftKept)
	}
	if p.rightKept.Format.Type != tensor.Float32 {
		d.Load(p.right, p.rightKept)
	}
}

// keep rounds the bases of the renewed sides to nearest, and goes on with what is
// kept. An old basis is not rounded again: 4 bits might not stay as they are.
func (p *projector) keep(d *tensor.Device, renewed sides) {
	if renewed.left && p.leftKept.Format.Type != tensor.Float32 {
		d.Save(p.leftKept, p.left, tensor.Rounding{})
	}
	if renewed.right && p.rightKept.Format.Type != tensor.Float32 {
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

// A finder computes the bases of a gradient, and the share of ‖G‖² that they
// capture. It returns false, and changes nothing, if the gradient determines none.
// key is that of one refresh of one basis; p holds the old basis, or zeros.
type finder interface {
	leftBasis(g, p tensor.Matrix, key random.Key) (captured float64, ok bool)
	rightBasis(g, p tensor.Matrix, key random.Key) (captured float64, ok bool)
}

// refresh takes new bases from g in update n. It returns the share of ‖G‖² that
// they capture (full: that the right one does; NaN: of such a G nothing can be),
// and the sides that are new: none if g has no basis. With two sides, a right
// decomposition that fails after the left one has not leaves the left basis
// renewed.
func (p *projector) refresh(f finder, g tensor.Matrix, n int) (captured float64, renewed sides) {
	ok := true
	if p.left.Rows > 0 {
		captured, ok = f.leftBasis(g, p.left, p.leftKey.Step(n))
		renewed.left = ok
	}
	if ok && p.right.Rows > 0 {
		captured, renewed.right = f.rightBasis(g, p.right, p.rightKey.Step(n))
	}
	return captured, renewed
}

// A Projector is a way to come to a basis.
type Projector string

// The projectors.
const (
	// SVD takes the singular vectors of an exact decomposition, as 2403.03507 does.
	SVD Projector = "svd"
	// RangeFinder approximates them by subspace iteration from the old basis
	// (0909.4061), in a quarter of the time and with a little less captured energy.
	RangeFinder Projector = "range_finder"

	// The others draw it, by seed, weight and update, without looking at the
	// gradient: see [tensor.Law].

	// Stiefel is uniform over orthonormal bases (2410.11289).
	Stiefel Projector = "stiefel"
	// Gaussian is N(0, 1)/√r, not orthonormal (2402.03293, 2412.05270). Its vectors
	// are about √(d/r) long on a side of d, and so are steps of Adam longer.
	Gaussian Projector = "gaussian"
	// Coordinate is r different coordinates of the side, in random order: a basis
	// of zeros and ones, which is kept and multiplied like any other.
	Coordinate Projector = "coordinate"
)

var projectors = []Projector{SVD, RangeFinder, Stiefel, Gaussian, Coordinate}

// law returns the law of a basis that is drawn.
func (p Projector) law() (law tensor.Law, drawn bool) {
	switch p {
	case Stiefel:
		return tensor.Stiefel, true
	case Gaussian:
		return tensor.Gaussian, true
	case Coordinate:
		return tensor.Coordinates, true
	}
	return 0, false
}

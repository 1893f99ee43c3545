package galore

import (
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/optim"
	"ranklab/tensor"
)

// RefreshFLOPs returns the arithmetic of a refresh for an (out, in) weight: of
// products in float32 with the range finder and random bases, of a Gram matrix
// and its eigenvectors in float64, about 9m³, with the exact decomposition; and
// of rotated moments.
func (c Config) RefreshFLOPs(out, in int) float64 {
	flops := c.rotationFLOPs(out, in)
	r := min(c.Rank, out, in)
	wanted := c.ProjType.sides(out, in)
	law, drawn := c.Projector.law()
	for _, side := range []struct{ wanted, left bool }{{wanted.left, true}, {wanted.right, false}} {
		panel := tensor.Panel{Out: out, In: in, Rank: r, Left: side.left}
		switch {
		case !side.wanted:
		case drawn:
			flops += panel.DrawFLOPs(law)
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
	scratch := env.Ledger.For(memory.Refresh)
	if law, ok := p.law(); ok {
		return drawn{env.Device, tensor.NewRandomBasis(scratch, "galore.random_basis", law, panels...)}
	}
	if p == RangeFinder {
		return approximate{env.Device, tensor.NewRangeFinder(scratch, "galore.range_finder", panels...)}
	}
	var short, long, wanted int
	for _, q := range panels {
		short, long = max(short, min(q.Out, q.In)), max(long, max(q.Out, q.In))
		if !q.ShortSide() {
			wanted = max(wanted, q.Rank)
		}
	}
	return exact{env.Device, tensor.NewSVD(scratch, "galore.svd", short, long, wanted)}
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

// drawn draws bases. It never fails.
type drawn struct {
	device    *tensor.Device
	workspace *tensor.RandomBasis
}

func (r drawn) leftBasis(g, p tensor.Matrix, key random.Key) (float64, bool) {
	return r.device.DrawLeft(r.workspace, g, p, key), true
}

func (r drawn) rightBasis(g, p tensor.Matrix, key random.Key) (float64, bool) {
	return r.device.DrawRight(r.workspace, g, p, key), true
}

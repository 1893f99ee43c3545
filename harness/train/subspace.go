package train

import (
	"math"
	"strconv"
	"time"

	"ranklab/galore"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A look is what [diagnostics] adds to a run: it changes no bit of it.
type look struct {
	method *galore.Method
	took   time.Duration // by the halves of batches
}

// newLook makes a method look at its subspaces, if the run asks for it.
func newLook(s spec.Run, method optim.Method) *look {
	m, ok := method.(*galore.Method)
	if !ok || !s.Diagnostics.Subspace {
		return nil
	}
	m.Diagnose(galore.Diagnosis{After: s.Diagnostics.After, Nth: s.Diagnostics.NthRefresh})
	return &look{method: m}
}

// halves shows the method the gradients of two halves of the batch of update u:
// the first and the last sequences of it, as many in each. Both are the mean over
// the half's targets, whatever the micro-batches. The passes draw no numbers, and
// leave nothing behind that the update reads.
func (r *runner) halves(u int) {
	if r.look == nil || !r.look.method.Splits(u) {
		return
	}
	start := time.Now()
	t := r.spec.Train
	size := t.TotalBatchSize / 2
	for half := range min(2, 2*size) {
		first, end := 0, size
		if half == 1 {
			first, end = t.TotalBatchSize-size, t.TotalBatchSize
		}
		targets := 0
		for _, n := range r.counts[first:end] {
			targets += n
		}
		pass := func(micro int, take models.GradFunc) {
			lo := first + micro*t.BatchSize
			hi := min(end, lo+t.BatchSize)
			b := models.Batch{
				B: hi - lo, T: t.MaxLength, Step: u, Micro: micro,
				Tokens: r.tokens[lo*t.MaxLength : hi*t.MaxLength], Targets: r.targets[lo*t.MaxLength : hi*t.MaxLength],
			}
			r.model.Forward(b, true)
			r.model.Backward(b, 1/float32(max(targets, 1)), take)
		}
		r.sink.gather((size+t.BatchSize-1)/t.BatchSize, pass, func(p *models.Param, grad tensor.Matrix) {
			closed := p.W
			r.model.Open(p)
			r.look.method.Half(p, grad, half, u)
			p.W = closed // not kept: nothing was written
		})
	}
	r.look.took += time.Since(start)
}

// subspaces returns what was seen in the newest update, and the seconds that
// looking took: a part of the update's.
func (r *runner) subspaces() (rows []record.SubspaceRow, seconds float64) {
	if r.look == nil {
		return nil, 0
	}
	found, took := r.look.method.Subspaces()
	took += r.look.took
	r.look.took = 0
	for _, s := range found {
		row := record.SubspaceRow{
			Step: s.Update + 1, Layer: s.Layer, Module: s.Module, Side: "right", Rank: s.Rank, Dim: s.Dim, After: s.After,
			Captured: digits(s.Captured), Kept: s.Kept, NonFinite: s.NonFinite,
			CapturedOld: digits(s.CapturedOld), CapturedBest: digits(s.CapturedBest), Overlap: digits(s.Overlap), SplitOverlap: digits(s.SplitOverlap),
			EffectiveRank: digits(s.Effective), StableRank: digits(s.Stable), Retention: digits(s.Retention), Staleness: digits(s.Staleness),
			Orthogonality: digits(s.Orthogonal), Residual: digits(s.Residual),
		}
		if s.Left {
			row.Side = "left"
		}
		rows = append(rows, row)
	}
	return rows, took.Seconds()
}

// digits keeps six significant digits, which is more than there is to see: a run
// with many refreshes has many rows.
func digits(x float64) record.Float {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return record.Float(x)
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		panic("train: " + err.Error()) // it was formatted here
	}
	return record.Float(short)
}

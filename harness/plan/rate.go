package plan

import (
	"slices"
	"time"

	"ranklab/harness/record"
	"ranklab/tensor"
)

// A Rate turns arithmetic into time.
type Rate struct {
	Gemm float64 // FLOP/s of a matrix product on this machine, measured now
}

// share is the part of the matrix product's speed that a whole update reaches
// where no finished run tells better.
const share = 0.5

// decompositionRate is the FLOP/s per thread of the exact decompositions of a
// refresh: an eigen-solver in float64, which waits for memory most of the time.
const decompositionRate = 12e9

// finderShare is the part of the matrix product's speed that a range finder
// reaches, with its many small products.
const finderShare = 0.3

// refresh returns the FLOP/s of new bases.
func (r Rate) refresh(projector string, threads int) float64 {
	if projector == "svd" {
		return decompositionRate * float64(threads)
	}
	return finderShare * r.Gemm
}

// measureRate times a matrix product of the size of a small model's layer for
// about a tenth of a second, and takes the best of a few parts of it.
func measureRate(d *tensor.Device) Rate {
	const n = 512
	matrix := func() tensor.Matrix { return tensor.Of(make([]float32, n*n), n, n) }
	a, b, c := matrix(), matrix(), matrix()
	d.Gemm(tensor.N, tensor.T, 1, a, b, 0, c) // warm up
	var best float64
	for range 5 {
		began, count := time.Now(), 0
		for time.Since(began) < 20*time.Millisecond {
			d.Gemm(tensor.N, tensor.T, 1, a, b, 0, c)
			count++
		}
		best = max(best, float64(count)*2*n*n*n/time.Since(began).Seconds())
	}
	return Rate{Gemm: best}
}

// of returns the FLOP/s to expect of a run: the median of the finished runs of
// the same kind and number of threads, or else a share of the matrix product's.
func (r Rate) of(kind string, threads int, stored []record.Run) float64 {
	var seen []float64
	for _, run := range stored {
		s := run.Summary
		if s == nil || run.Reference || s.Threads != threads || s.FLOPs == 0 || len(run.Origins) == 0 || run.Origins[0].Kind != kind {
			continue
		}
		seen = append(seen, float64(s.FLOPs/(s.Time.TrainS-s.Time.RefreshS)))
	}
	if len(seen) == 0 {
		return share * r.Gemm
	}
	slices.Sort(seen)
	return seen[len(seen)/2]
}

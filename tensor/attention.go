package tensor

import "math"

// attentionRows is the number of queries whose scores exist at a time.
const attentionRows = 64

// AttentionScratch returns the number of float32 values of scratch that
// Attention needs on that many threads for sequences of up to length tokens
// (AttentionBackward, if backward is set).
func AttentionScratch(threads, length int, backward bool) int {
	n := threads * min(attentionRows, length) * length
	if backward {
		n *= 2
	}
	return n
}

// heads describes batch × count heads of length × width inside matrices of
// shape (batch·length, count·width).
type heads struct{ batch, count, length, width int }

func headsOf(x Matrix, batch, count int) heads {
	h := heads{batch, count, x.Rows / batch, x.Cols / count}
	if h.batch*h.length != x.Rows || h.count*h.width != x.Cols {
		panic("tensor: Attention shapes")
	}
	return h
}

// view returns rows lo to hi-1 of head p of x; p counts batch-major.
func (h heads) view(x Matrix, p, lo, hi int) Matrix {
	b, c := p/h.count, p%h.count
	return Matrix{Rows: hi - lo, Cols: h.width, Stride: x.Stride, Data: x.Data[(b*h.length+lo)*x.Stride+c*h.width:]}
}

// scratch returns part i of n of the scratch of a worker, as rows × cols.
func (h heads) scratch(s []float32, worker, i, n, rows, cols int) Matrix {
	size := min(attentionRows, h.length) * h.length
	o := (worker*n + i) * size
	return Of(s[o:o+size], rows, cols)
}

func (h heads) scale() float32 { return float32(1 / math.Sqrt(float64(h.width))) }

// attentionArgs are the arguments of Attention.
type attentionArgs struct {
	heads        heads
	out, q, k, v Matrix
	lse, scratch []float32
	device       *Device
}

// attentionGradient are the arguments of AttentionBackward.
type attentionGradient struct {
	attentionArgs
	dq, dk, dv, dout Matrix
}

// Attention computes causal multi-head attention, per head
//
//	S = q kᵀ/√hd, P = softmax of each row i over the columns j ≤ i, out = P v
//
// No length × length matrix is kept: a block of 64 queries is done at a time
// (after 2205.14135), and lse keeps the log-sum-exp of each row of S.
//
//	q, k, v, out (batch·length, heads·hd)
//	lse          (batch·heads·length)
//	scratch      AttentionScratch(Threads(), length, false) values or more
func (d *Device) Attention(out Matrix, lse []float32, q, k, v Matrix, batch, count int, scratch []float32) {
	a := attentionArgs{headsOf(q, batch, count), out, q, k, v, lse, scratch, d}
	spread(d, batch*count, 1, a, func(a *attentionArgs, worker, lo, hi int) {
		h, d, q, k, v, out, lse, scratch := a.heads, a.device, a.q, a.k, a.v, a.out, a.lse, a.scratch
		for p := lo; p < hi; p++ {
			for i := 0; i < h.length; i += attentionRows {
				n := min(i+attentionRows, h.length)
				s := h.scratch(scratch, worker, 0, 1, n-i, n)
				d.gemm(worker, N, T, h.scale(), h.view(q, p, i, n), h.view(k, p, 0, n), 0, s)
				var inverse [attentionRows]float32
				for r := range n - i {
					x := row(s, r)
					m, total := d.isa.softmax(x[:i+r+1])
					clear(x[i+r+1:])
					inverse[r] = 1 / total
					lse[p*h.length+i+r] = m + float32(log64(float64(total)))
				}
				o := h.view(out, p, i, n)
				d.gemm(worker, N, N, 1, s, h.view(v, p, 0, n), 0, o)
				for r := range n - i {
					d.isa.scale(row(o, r), inverse[r])
				}
			}
		}
	})
}

// AttentionBackward computes the gradients of Attention, recomputing P from
// lse. Per head, with D_i = dout_i · out_i:
//
//	dv = Pᵀ dout;  dS = P ⊙ (dout vᵀ - D);  dq = dS k/√hd;  dk = dSᵀ q/√hd
//
// Blocks of queries run from the last to the first, and dk and dv add them up
// in that order. scratch holds AttentionScratch(Threads(), length, true)
// values or more.
func (d *Device) AttentionBackward(dq, dk, dv, dout, out Matrix, lse []float32, q, k, v Matrix, batch, count int, scratch []float32) {
	a := attentionGradient{attentionArgs{headsOf(q, batch, count), out, q, k, v, lse, scratch, d}, dq, dk, dv, dout}
	spread(d, batch*count, 1, a, func(a *attentionGradient, worker, lo, hi int) {
		h, d, q, k, v, out, lse, scratch := a.heads, a.device, a.q, a.k, a.v, a.out, a.lse, a.scratch
		dq, dk, dv, dout := a.dq, a.dk, a.dv, a.dout
		for p := lo; p < hi; p++ {
			beta := float32(0) // the last block reaches all keys
			for i := (h.length - 1) / attentionRows * attentionRows; i >= 0; i -= attentionRows {
				n := min(i+attentionRows, h.length)
				qi, kn, vn := h.view(q, p, i, n), h.view(k, p, 0, n), h.view(v, p, 0, n)
				oi, doi := h.view(out, p, i, n), h.view(dout, p, i, n)
				s := h.scratch(scratch, worker, 0, 2, n-i, n)
				ds := h.scratch(scratch, worker, 1, 2, n-i, n)
				d.gemm(worker, N, T, h.scale(), qi, kn, 0, s)
				for r := range n - i {
					x := row(s, r)
					d.isa.exps(x[:i+r+1], x[:i+r+1], 1, -lse[p*h.length+i+r])
					clear(x[i+r+1:])
				}
				d.gemm(worker, T, N, 1, s, doi, beta, h.view(dv, p, 0, n))
				d.gemm(worker, N, T, 1, doi, vn, 0, ds)
				for r := range n - i {
					d.isa.softmaxBackward(row(ds, r), row(s, r), d.isa.dot(row(doi, r), row(oi, r)))
				}
				d.gemm(worker, N, N, h.scale(), ds, kn, 0, h.view(dq, p, i, n))
				d.gemm(worker, T, N, h.scale(), ds, qi, beta, h.view(dk, p, 0, n))
				beta = 1
			}
		}
	})
}

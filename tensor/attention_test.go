package tensor

import (
	"math"
	"testing"
)

func attention64(q, k, v []float64, batch, length, heads, hd int) (out, lse []float64) {
	d := heads * hd
	out, lse = make([]float64, len(q)), make([]float64, batch*heads*length)
	for b := range batch {
		for h := range heads {
			for i := range length {
				qi := (b*length+i)*d + h*hd
				p, total := make([]float64, i+1), 0.0
				for j := range p {
					s := 0.0
					for c := range hd {
						s += q[qi+c] * k[(b*length+j)*d+h*hd+c]
					}
					p[j] = math.Exp(s / math.Sqrt(float64(hd)))
					total += p[j]
				}
				for j := range p {
					for c := range hd {
						out[qi+c] += p[j] / total * v[(b*length+j)*d+h*hd+c]
					}
				}
				lse[(b*heads+h)*length+i] = math.Log(total)
			}
		}
	}
	return out, lse
}

// attend runs forward and backward on fresh matrices.
func attend(d *Device, batch, length, heads, hd int) (q, k, v, dout, out, dq, dk, dv Matrix, lse []float32) {
	n, c := batch*length, heads*hd
	q, k, v, dout = drawn("q", n, c), drawn("k", n, c), drawn("v", n, c), drawn("dout", n, c)
	out, dq, dk, dv = drawn("out", n, c), drawn("dq", n, c), drawn("dk", n, c), drawn("dv", n, c)
	lse = make([]float32, batch*heads*length)
	scratch := func(backward bool) []float32 {
		s := make([]float32, AttentionScratch(d.Threads(), length, backward))
		for i := range s {
			s[i] = float32(math.NaN())
		}
		return s
	}
	d.Attention(out, lse, q, k, v, batch, heads, scratch(false))
	d.AttentionBackward(dq, dk, dv, dout, out, lse, q, k, v, batch, heads, scratch(true))
	return
}

func TestAttention(t *testing.T) {
	d := newDevice(t, Auto, 2)
	for _, s := range []struct{ batch, length, heads, hd int }{{2, 5, 3, 4}, {1, 1, 1, 2}, {1, 65, 1, 2}, {1, 130, 1, 2}} {
		q, k, v, dout, out, dq, dk, dv, lse := attend(d, s.batch, s.length, s.heads, s.hd)
		q64, k64, v64 := wide(q), wide(k), wide(v)
		want, wantLSE := attention64(q64, k64, v64, s.batch, s.length, s.heads, s.hd)
		near(t, "out", out, want, 1e-6)
		near(t, "lse", Of(lse, 1, len(lse)), wantLSE, 1e-6)
		f := func() []float64 {
			out, _ := attention64(q64, k64, v64, s.batch, s.length, s.heads, s.hd)
			return out
		}
		near(t, "dq", dq, slopes(q64, wide(dout), f), 3e-6)
		near(t, "dk", dk, slopes(k64, wide(dout), f), 3e-6)
		near(t, "dv", dv, slopes(v64, wide(dout), f), 3e-6)
	}
}

func TestAttentionThreads(t *testing.T) {
	onThreads(t, func(d *Device) []Matrix {
		_, _, _, _, out, dq, dk, dv, _ := attend(d, 3, 70, 3, 8)
		return []Matrix{out, dq, dk, dv}
	})
}

// A sequence is attended to alone: its results do not depend on its neighbours
// in the batch, nor on the tokens after it.
func TestAttentionPrefix(t *testing.T) {
	const length, heads, hd = 100, 2, 8
	d := newDevice(t, Auto, 1)
	q, k, v, _, out, _, _, _, lse := attend(d, 2, length, heads, hd)
	second, short := drawn("second", length, heads*hd), make([]float32, heads*length)
	d.Attention(second, short, Rows(q, length, 2*length), Rows(k, length, 2*length), Rows(v, length, 2*length), 1, heads,
		make([]float32, AttentionScratch(1, length, false)))
	near(t, "second sequence", second, wide(Rows(out, length, 2*length)), 0)
	near(t, "its lse", Of(short, 1, len(short)), wide(Of(lse[heads*length:], 1, heads*length)), 0)

	prefix := drawn("prefix", 50, heads*hd)
	d.Attention(prefix, short[:heads*50], Rows(q, 0, 50), Rows(k, 0, 50), Rows(v, 0, 50), 1, heads,
		make([]float32, AttentionScratch(1, 50, false)))
	near(t, "prefix", prefix, wide(Rows(out, 0, 50)), 1e-6)
}

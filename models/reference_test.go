package models

import (
	"math"

	"ranklab/internal/random"
	"ranklab/tensor"
)

// reference is the model written once more, in float64, as plainly as
// possible: the loss is a function of its parameters and nothing else.
type reference struct {
	m      *Llama
	values map[string][]float64
	batch  Batch
	train  bool
	masks  map[string][]float64 // dropout factors by module
}

func newReference(m *Llama, key random.Key, b Batch, train bool) *reference {
	r := &reference{m, map[string][]float64{}, b, train, map[string][]float64{}}
	for _, p := range m.Params() {
		for _, v := range tensor.Values(p.W) {
			r.values[p.Name] = append(r.values[p.Name], float64(v))
		}
	}
	for _, l := range m.Linears() {
		if l.Dropout == 0 {
			continue
		}
		k := key.Stream("dropout").Tensor(l.Name).Step(b.Step)
		n := m.work.batch * m.work.length * l.In
		for i := range b.B * b.T * l.In {
			f := 0.0
			if k.Float32(uint64(b.Micro*n+i)) >= l.Dropout {
				f = 1 / (1 - float64(l.Dropout))
			}
			r.masks[l.Name] = append(r.masks[l.Name], f)
		}
	}
	return r
}

// mul returns x wᵀ for x (n, in) and w (out, in).
func mul(x, w []float64, in, out int) []float64 {
	n := len(x) / in
	y := make([]float64, n*out)
	for i := range n {
		for j := range out {
			s, weights := 0.0, w[j*in:(j+1)*in]
			for k, v := range x[i*in : (i+1)*in] {
				s += v * weights[k]
			}
			y[i*out+j] = s
		}
	}
	return y
}

func (r *reference) linear(l *Linear, x []float64) []float64 {
	y := make([]float64, len(x)/l.In*l.Out)
	if l.Weight != nil {
		y = mul(x, r.values[l.Weight.Name], l.In, l.Out)
	}
	if l.A != nil && !l.Bypass {
		if f := r.masks[l.Name]; f != nil && r.train {
			masked := make([]float64, len(x))
			for i := range x {
				masked[i] = x[i] * f[i]
			}
			x = masked
		}
		rank := l.A.W.Rows
		for i, v := range mul(mul(x, r.values[l.A.Name], l.In, rank), r.values[l.B.Name], rank, l.Out) {
			y[i] += float64(l.Scale) * v
		}
	}
	return y
}

func (r *reference) norm(p *Param, x []float64) []float64 {
	d, gain := r.m.HiddenSize, r.values[p.Name]
	y := make([]float64, len(x))
	for n := 0; n < len(x); n += d {
		s := 0.0
		for _, v := range x[n : n+d] {
			s += v * v
		}
		f := 1 / math.Sqrt(s/float64(d)+r.m.RMSNormEps)
		for i := range d {
			y[n+i] = x[n+i] * f * gain[i]
		}
	}
	return y
}

func (r *reference) rotate(x []float64) {
	d, hd := r.m.HiddenSize, r.m.HeadDim()
	for n := range len(x) / d {
		for i := range hd / 2 {
			angle := float64(n%r.batch.T) * math.Pow(r.m.RopeTheta, -2*float64(i)/float64(hd))
			s, c := math.Sincos(angle)
			for h := 0; h < d; h += hd {
				a, b := &x[n*d+h+i], &x[n*d+h+i+hd/2]
				*a, *b = *a*c-*b*s, *b*c+*a*s
			}
		}
	}
}

func (r *reference) attention(q, k, v []float64) []float64 {
	d, hd, T := r.m.HiddenSize, r.m.HeadDim(), r.batch.T
	out := make([]float64, len(q))
	for n := range len(q) / d {
		for h := 0; h < d; h += hd {
			weights, total := make([]float64, n%T+1), 0.0
			for j := range weights {
				s, row := 0.0, n-n%T+j
				for i := range hd {
					s += q[n*d+h+i] * k[row*d+h+i]
				}
				weights[j] = math.Exp(s / math.Sqrt(float64(hd)))
				total += weights[j]
			}
			for j, w := range weights {
				for i := range hd {
					out[n*d+h+i] += w / total * v[(n-n%T+j)*d+h+i]
				}
			}
		}
	}
	return out
}

// logits returns the logits of all positions.
func (r *reference) logits() []float64 {
	d := r.m.HiddenSize
	var x []float64
	for _, t := range r.batch.Tokens {
		x = append(x, r.values[r.m.Embed.Name][int(t)*d:(int(t)+1)*d]...)
	}
	add := func(y []float64) {
		for i, v := range y {
			x[i] += v
		}
	}
	for _, l := range r.m.Layers {
		n := r.norm(l.InputNorm, x)
		q, k := r.linear(l.Q, n), r.linear(l.K, n)
		r.rotate(q)
		r.rotate(k)
		add(r.linear(l.O, r.attention(q, k, r.linear(l.V, n))))
		n = r.norm(l.PostNorm, x)
		g, u := r.linear(l.Gate, n), r.linear(l.Up, n)
		for i, v := range g {
			u[i] *= v / (1 + math.Exp(-v))
		}
		add(r.linear(l.Down, u))
	}
	return r.linear(r.m.Head, r.norm(r.m.Norm, x))
}

// losses returns the loss of each position.
func (r *reference) losses() []float64 {
	logits, v := r.logits(), r.m.VocabSize
	losses := make([]float64, len(r.batch.Targets))
	for n, t := range r.batch.Targets {
		if t < 0 {
			continue
		}
		s := 0.0
		for _, x := range logits[n*v : (n+1)*v] {
			s += math.Exp(x)
		}
		losses[n] = math.Log(s) - logits[n*v+int(t)]
	}
	return losses
}

func (r *reference) loss() float64 {
	s := 0.0
	for _, v := range r.losses() {
		s += v
	}
	return s
}

// gradient differentiates loss by a parameter with central differences.
func (r *reference) gradient(p *Param) []float64 {
	const h = 1e-5
	x := r.values[p.Name]
	g := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + h
		up := r.loss()
		x[i] = v - h
		g[i] = (up - r.loss()) / (2 * h)
		x[i] = v
	}
	return g
}

package models

import (
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// Dense lists the weights of the dense model that m computes without dropout,
// in forward order, under Hugging Face's names and in its shapes. The weight of
// a module with factors is merged,
//
//	W + s·B·A (adapted), s·B·A (factored)
//
// by one float32 product, as a merge of ReLoRA computes it; bypassed adapters
// add nothing. Values are computed when they are asked for, and in bfloat16
// rounded to nearest: those that are kept so are written as they are. They lie
// in memory that the next tensor may overwrite.
func (m *Llama) Dense(p tensor.Precision) []safetensors.Tensor {
	d := &dense{m: m, bfloat16: p.BFloat16}
	var list []safetensors.Tensor
	add := func(name string, shape []int, value func() tensor.Matrix) {
		t := safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape}
		if d.bfloat16 {
			t.DType = safetensors.BF16
		}
		t.Values = func() safetensors.Tensor { return d.tensor(name, shape, value()) }
		list = append(list, t)
	}
	param := func(p *Param) { add(p.Name, p.Shape(), func() tensor.Matrix { return m.value(p) }) }
	m.walk(param, func(l *Linear) {
		if l.adapting() {
			add(l.Name+".weight", []int{l.Out, l.In}, func() tensor.Matrix { return d.merged(l) })
			return
		}
		param(l.Weight)
	})
	return list
}

// dense computes the weights of the dense model one at a time.
type dense struct {
	m        *Llama
	bfloat16 bool
	product  []float32 // as large as the largest merged weight so far
	halves   []uint16  // likewise, of all weights
}

// merged returns the weight of a module with its factors.
func (d *dense) merged(l *Linear) tensor.Matrix {
	device := d.m.rt.Device
	d.product = atLeast(d.product, l.Out*l.In)
	w, beta := tensor.Of(d.product, l.Out, l.In), float32(0)
	if l.Weight != nil {
		device.Copy(w, d.m.value(l.Weight))
		beta = 1
	}
	device.Gemm(tensor.N, tensor.N, l.Scale, d.m.value(l.B), d.m.value(l.A), beta, w)
	return w
}

func (d *dense) tensor(name string, shape []int, w tensor.Matrix) safetensors.Tensor {
	if !d.bfloat16 {
		return safetensors.Of(name, tensor.Values(w), shape...)
	}
	d.halves = atLeast(d.halves, w.Rows*w.Cols)
	kept := tensor.Store{Rows: w.Rows, Cols: w.Cols, Format: tensor.Format{Type: tensor.BFloat16}, Halves: d.halves}
	d.m.rt.Device.Save(kept, w, tensor.Rounding{})
	return safetensors.OfBFloat16(name, kept.Halves, shape...)
}

// atLeast returns a slice of n elements, the same one while it is long enough.
func atLeast[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

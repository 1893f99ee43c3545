package selftest

import (
	"fmt"

	"ranklab/internal/memory"
	"ranklab/tensor"
)

// A storage is a way to keep values between uses.
type storage struct {
	name     string
	m, v     tensor.Format
	rounding tensor.Rounding
}

func storages() []storage {
	half := tensor.Format{Type: tensor.BFloat16}
	all := []storage{
		{"bfloat16", half, half, tensor.Rounding{}},
		{"bfloat16, stochastically", half, half, tensor.Stochastically(key().Stream("rounding"))},
	}
	for _, block := range []int{64, 4096} {
		all = append(all, storage{
			name: fmt.Sprintf("8 bits, blocks of %d", block),
			m:    tensor.Format{Type: tensor.DynamicSigned, Block: block}, v: tensor.Format{Type: tensor.DynamicUnsigned, Block: block},
		})
	}
	return append(all,
		storage{name: "even spacing of 8 bits", m: tensor.Format{Type: tensor.Affine8, Block: 256}, v: half},
		storage{name: "even spacing of 4 bits", m: tensor.Format{Type: tensor.Affine4, Block: 64}, v: half},
	)
}

// formats are conversions to bfloat16 and 8 bits and back, and steps of Adam on
// moments that are kept so.
func formats() []Operation {
	var all []Operation
	for _, format := range storages() {
		for _, s := range [][2]int{{5, 37}, {3, 16411}} {
			rows, cols := s[0], s[1]
			w, g, m, v := dense("w", rows, cols, 1), dense("g", rows, cols, 0.01), dense("m", rows, cols, 0.01), squares("v", rows, cols, 0.01)
			// keep stores both moments.
			keep := func(d *tensor.Device) (first, second tensor.Store) {
				first = tensor.AllocStore(memory.New(), memory.OptimizerState, "m", rows, cols, format.m)
				second = tensor.AllocStore(memory.New(), memory.OptimizerState, "v", rows, cols, format.v)
				d.Save(first, m, format.rounding)
				d.Save(second, v, format.rounding)
				return first, second
			}
			all = append(all, Operation{"Save and Load", shape(rows, cols) + ", " + format.name, func(d *tensor.Device) []Output {
				first, second := keep(d)
				m, v := copied(m), copied(v)
				d.Load(m, first)
				d.Load(v, second)
				return append(append(stored("m", first), stored("v", second)...), output("m again", m), output("v again", v))
			}}, Operation{"AdamUpdateStored", shape(rows, cols) + ", " + format.name, func(d *tensor.Device) []Output {
				first, second := keep(d)
				w := copied(w)
				d.AdamUpdateStored(w, g, first, second, adamStep(), format.rounding, format.rounding)
				return append(append(stored("m", first), stored("v", second)...), output("w", w))
			}})
		}
	}
	return all
}

// stored returns what a store holds.
func stored(name string, s tensor.Store) []Output {
	var least []float64 // of the range of each block
	for i, zero := range s.Zeros {
		least = append(least, -float64(zero)*float64(s.Floats[i]))
	}
	return []Output{
		values(name, s.Cols, s.Halves), values(name+", codes", s.Cols, s.Codes), values(name+", magnitudes", len(s.Floats), s.Floats),
		numbers(name+", least values", least...),
	}
}

// scalars are random numbers and the elementary functions, which are the
// program's own.
func scalars() []Operation {
	const rows, cols = 41, 607
	blank := strided("x", rows, cols, 0)
	return []Operation{
		{"FillNormal", shape(rows, cols), func(d *tensor.Device) []Output {
			x, y := copied(blank), copied(blank)
			d.FillNormal(x, 0.02, key().Stream("normal"))
			d.FillUniform(y, 0.5, key().Stream("uniform"))
			return []Output{output("normal", x), output("uniform", y)}
		}},
		{"random numbers", "1000", func(*tensor.Device) []Output {
			var words, normals, below []float64
			k := key().Stream("words")
			for i := range uint64(1000) {
				words, normals = append(words, float64(k.Uint32(i))), append(normals, k.Normal(i))
				below = append(below, float64(k.Below(i, 12345)))
			}
			return []Output{numbers("words", words...), numbers("normals", normals...), numbers("below", below...)}
		}},
		{"Exp, Log, Cos, Pow", "1000", func(*tensor.Device) []Output {
			var exps, logs, cosines, powers []float64
			for i := range 1000 {
				x := float64(i-500) / 7
				exps, cosines = append(exps, tensor.Exp(x/2)), append(cosines, tensor.Cos(x))
				logs, powers = append(logs, tensor.Log(float64(i+1)/13)), append(powers, tensor.Pow(0.999, float64(i)))
			}
			return []Output{numbers("Exp", exps...), numbers("Log", logs...), numbers("Cos", cosines...), numbers("Pow", powers...)}
		}},
	}
}

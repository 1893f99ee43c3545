package galore

import (
	"fmt"

	"ranklab/optim"
	"ranklab/tensor"
)

// A DType says how bases are kept between updates. They are widened to float32
// where they are used.
type DType string

// The formats. A basis of fewer bits than 16 is spread evenly over its codes in
// blocks of 256 values, as Q-GaLore does (2407.08296), each with a scale and a
// zero point of 5 bytes: see [tensor.Affine4]. Rounding is to nearest in all.
const (
	AsState  DType = "" // that of optimizer state
	Float32  DType = "float32"
	BFloat16 DType = "bfloat16"
	Int8     DType = "int8"
	Int4     DType = "int4"
)

var dtypes = []DType{AsState, Float32, BFloat16, Int8, Int4}

// basisBlock is the number of values of a basis that share constants.
const basisBlock = 256

// format returns the format of bases in a run.
func (t DType) format(env optim.Env) tensor.Format {
	switch t {
	case AsState:
		return env.State.Format()
	case Float32:
		return tensor.Format{}
	case BFloat16:
		return tensor.Format{Type: tensor.BFloat16}
	case Int8:
		return tensor.Format{Type: tensor.Affine8, Block: basisBlock}
	case Int4:
		return tensor.Format{Type: tensor.Affine4, Block: basisBlock}
	}
	panic(fmt.Sprintf("galore: unknown projector_dtype %q", t))
}

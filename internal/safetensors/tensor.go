// Package safetensors reads and writes the safetensors format: an unsigned
// 64-bit little-endian header length, a JSON header that names tensors, types,
// shapes and byte ranges, and the raw little-endian data.
//
// The format is described at https://github.com/huggingface/safetensors. Files
// written here are accepted by its reference implementation and the reverse.
package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// metadataKey is the header key that holds strings instead of a tensor.
const metadataKey = "__metadata__"

// maxHeader is the largest header the reference implementation accepts.
const maxHeader = 100_000_000

// A Tensor is one named array. [Write] takes its elements from Data, or from
// Float32 or BFloat16 where that is set.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // row-major; empty: a scalar
	Data  []byte
	// Float32 holds the elements of an F32 tensor in place of Data: they are
	// encoded while they are written, so no second copy exists.
	Float32 []float32
	// BFloat16 holds the elements of a BF16 tensor, the upper halves of float32
	// values, in place of Data.
	BFloat16 []uint16
	// Values stands in place of data that exist only while they are written: it
	// returns a tensor of the same type and number of elements, which may lie in
	// memory that the next such call overwrites.
	Values func() Tensor
	// Stream writes the elements, in place of Data, where they are not in memory.
	Stream func(w io.Writer) error
}

// Of returns an F32 tensor over values.
func Of(name string, values []float32, shape ...int) Tensor {
	return Tensor{Name: name, DType: F32, Shape: shape, Float32: values}
}

// OfBFloat16 returns a BF16 tensor over values.
func OfBFloat16(name string, values []uint16, shape ...int) Tensor {
	return Tensor{Name: name, DType: BF16, Shape: shape, BFloat16: values}
}

// OfBytes returns a U8 tensor over values.
func OfBytes(name string, values []byte, shape ...int) Tensor {
	return Tensor{Name: name, DType: U8, Shape: shape, Data: values}
}

// OfInts returns an I32 tensor over a copy of values.
func OfInts(name string, values []int32, shape ...int) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	return Tensor{Name: name, DType: I32, Shape: shape, Data: data}
}

// Elements returns the product of the shape.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// byteLength checks type and shape and returns the bytes they describe.
func byteLength(t DType, shape []int) (int64, error) {
	size := t.Size()
	if size == 0 {
		return 0, fmt.Errorf("unknown dtype %q", string(t))
	}
	bytes, empty := int64(size), false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		case d == 0:
			empty = true
		case bytes > math.MaxInt64/int64(d):
			return 0, fmt.Errorf("shape %v overflows", shape)
		default:
			bytes *= int64(d)
		}
	}
	if empty {
		return 0, nil
	}
	return bytes, nil
}

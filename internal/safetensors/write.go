package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"unicode/utf8"
)

// chunk is the size of the buffer between typed values and bytes. It is a
// multiple of every element size.
const chunk = 64 << 10

// BufferBytes is the memory that [Write] takes beside the header, and the length
// of the scratch of [WriteData].
const BufferBytes = chunk

// Write writes a file with the given metadata and tensors. The bytes depend on
// the arguments only: metadata is sorted by key; tensors keep their order, but
// wider element types come first so that every tensor is aligned.
//
// Nothing is written when an argument is invalid: an empty, repeated or
// non-UTF-8 name, an unknown type, or data whose length is not that of the
// shape.
func Write(w io.Writer, metadata map[string]string, tensors []Tensor) error {
	tensors = slices.Clone(tensors)
	slices.SortStableFunc(tensors, func(a, b Tensor) int { return cmp.Compare(b.DType.Size(), a.DType.Size()) })
	head, err := header(metadata, tensors)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if len(tensors) == 0 {
		return nil
	}
	buf := make([]byte, BufferBytes)
	for _, t := range tensors {
		if t, err = t.computed(); err == nil {
			err = WriteData(w, t, buf)
		}
		if err != nil {
			return fmt.Errorf("safetensors: %s: %w", t.Name, err)
		}
	}
	return nil
}

// WriteData writes the elements of a tensor as a file holds them: row-major,
// little-endian. buf is scratch of [BufferBytes].
func WriteData(w io.Writer, t Tensor, buf []byte) (err error) {
	switch {
	case t.Stream != nil:
		err = t.stream(w)
	case t.Float32 != nil:
		err = writeFloats(w, t.Float32, buf)
	case t.BFloat16 != nil:
		err = writeHalves(w, t.BFloat16, buf)
	default:
		_, err = w.Write(t.Data)
	}
	return err
}

// computed returns the tensor with its data where they are made by Values.
func (t Tensor) computed() (Tensor, error) {
	if t.Values == nil {
		return t, nil
	}
	v := t.Values()
	want, _ := byteLength(t.DType, t.Shape) // the header has been checked
	if v.DType != t.DType || v.bytes() != want {
		return t, fmt.Errorf("%s of %d bytes was computed, announced were %s of %d", v.DType, v.bytes(), t.DType, want)
	}
	return v, nil
}

// bytes returns the length of the data that are there.
func (t Tensor) bytes() int64 {
	switch {
	case t.Float32 != nil:
		return 4 * int64(len(t.Float32))
	case t.BFloat16 != nil:
		return 2 * int64(len(t.BFloat16))
	}
	return int64(len(t.Data))
}

// stream lets Stream write, and counts what it does.
func (t Tensor) stream(w io.Writer) error {
	n := &counter{w: w}
	if err := t.Stream(n); err != nil {
		return err
	}
	if want, _ := byteLength(t.DType, t.Shape); n.bytes != want { // the header has been checked
		return fmt.Errorf("%s %v needs %d bytes, got %d", t.DType, t.Shape, want, n.bytes)
	}
	return nil
}

// A counter counts what passes.
type counter struct {
	w     io.Writer
	bytes int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.bytes += int64(n)
	return n, err
}

func writeFloats(w io.Writer, values []float32, buf []byte) error {
	for part := range slices.Chunk(values, len(buf)/4) {
		for i, v := range part {
			binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(buf[:4*len(part)]); err != nil {
			return err
		}
	}
	return nil
}

func writeHalves(w io.Writer, values []uint16, buf []byte) error {
	for part := range slices.Chunk(values, len(buf)/2) {
		for i, v := range part {
			binary.LittleEndian.PutUint16(buf[2*i:], v)
		}
		if _, err := w.Write(buf[:2*len(part)]); err != nil {
			return err
		}
	}
	return nil
}

// header returns the length prefix and the JSON header, padded with spaces to
// a multiple of 8 bytes.
func header(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	b := append(make([]byte, 8, 256), '{')
	if metadata != nil {
		b = appendString(b, metadataKey)
		b = append(b, ':', '{')
		for i, k := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(k) || !utf8.ValidString(metadata[k]) {
				return nil, fmt.Errorf("metadata %q is not valid UTF-8", k)
			}
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, k)
			b = append(b, ':')
			b = appendString(b, metadata[k])
		}
		b = append(b, '}')
	}
	seen := make(map[string]bool, len(tensors))
	var offset int64
	for _, t := range tensors {
		if t.Name == "" || t.Name == metadataKey || seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("tensor name %q is empty, reserved, repeated or not valid UTF-8", t.Name)
		}
		seen[t.Name] = true
		bytes, err := byteLength(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if t.Float32 != nil && (t.DType != F32 || t.Data != nil || t.BFloat16 != nil) {
			return nil, fmt.Errorf("%s: float32 values need type F32 and no other data", t.Name)
		}
		if t.BFloat16 != nil && (t.DType != BF16 || t.Data != nil || t.Float32 != nil) {
			return nil, fmt.Errorf("%s: bfloat16 values need type BF16 and no other data", t.Name)
		}
		have := t.bytes()
		if t.Values != nil {
			if have > 0 {
				return nil, fmt.Errorf("%s: data beside a function that computes them", t.Name)
			}
			have = bytes
		}
		if t.Stream != nil {
			if t.Data != nil || t.Float32 != nil || t.BFloat16 != nil {
				return nil, fmt.Errorf("%s: a stream needs no other data", t.Name)
			}
			have = bytes
		}
		if have != bytes {
			return nil, fmt.Errorf("%s: %s %v needs %d bytes, got %d", t.Name, t.DType, t.Shape, bytes, have)
		}
		if offset > math.MaxInt64-bytes {
			return nil, fmt.Errorf("%s: total size overflows", t.Name)
		}
		if len(b) > 9 {
			b = append(b, ',')
		}
		b = appendString(b, t.Name)
		b = fmt.Appendf(b, `:{"dtype":"%s","shape":[`, t.DType)
		for i, d := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = fmt.Append(b, d)
		}
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, offset, offset+bytes)
		offset += bytes
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("header of %d bytes exceeds the format's limit of %d", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// appendString appends a JSON string. Marshalling a string cannot fail.
func appendString(b []byte, s string) []byte {
	q, _ := json.Marshal(s)
	return append(b, q...)
}

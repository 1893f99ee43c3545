package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

// A File is an open safetensors file. Its header is in memory; data is read on
// demand. Methods may be called from several goroutines.
type File struct {
	r        io.ReaderAt
	close    func() error
	data     int64 // file offset of the data section
	metadata map[string]string
	names    []string
	entries  map[string]entry
}

type entry struct {
	dtype      DType
	shape      []int
	begin, end int64 // relative to the data section
}

// Open opens a file and checks its whole header. The error names the file and
// what is wrong: a length beyond the end of the file, broken JSON, a repeated
// name, an unknown type, a shape that does not match its byte range, ranges
// that overlap, leave a hole or do not end where the file ends.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	var file *File
	if err == nil {
		file, err = parse(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	file.close = f.Close
	return file, nil
}

// Read reads from memory or from any other source of size bytes; see [Open].
func Read(r io.ReaderAt, size int64) (*File, error) {
	f, err := parse(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

func parse(r io.ReaderAt, size int64) (*File, error) {
	if size < 8 {
		return nil, fmt.Errorf("%d bytes are too short for a header", size)
	}
	var prefix [8]byte
	if err := readFull(r, prefix[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > uint64(size-8) || n > maxHeader {
		return nil, fmt.Errorf("header length %d exceeds the file (%d bytes) or the format's limit", n, size)
	}
	head := make([]byte, n)
	if err := readFull(r, head, 8); err != nil {
		return nil, err
	}
	f := &File{r: r, data: 8 + int64(n)}
	if err := f.parseHeader(head, size-f.data); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return f, nil
}

func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Close closes a file opened by [Open].
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// Names returns the names of all tensors in the order of their data.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata returns a copy of the file's strings, nil if it has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Info returns name, type and shape of a tensor without its data.
func (f *File) Info(name string) (Tensor, bool) {
	e, ok := f.entries[name]
	return Tensor{Name: name, DType: e.dtype, Shape: slices.Clone(e.shape)}, ok
}

// Bytes reads the raw data of a tensor of any type. dst must have its length.
func (f *File) Bytes(name string, dst []byte) error {
	e, ok := f.entries[name]
	switch {
	case !ok:
		return fmt.Errorf("safetensors: no tensor %q", name)
	case int64(len(dst)) != e.end-e.begin:
		return fmt.Errorf("safetensors: %s has %d bytes, not %d", name, e.end-e.begin, len(dst))
	}
	if err := readFull(f.r, dst, f.data+e.begin); err != nil {
		return fmt.Errorf("safetensors: %s: %w", name, err)
	}
	return nil
}

// Float32 reads a tensor into dst, which must have its number of elements.
// F16 and BF16 are widened, which is exact; other types than those and F32 are
// an error.
func (f *File) Float32(name string, dst []float32) error {
	return read(f, name, dst, float32Decoders())
}

// Float32Parts reads a tensor as [File.Float32] does and hands its elements on
// piece by piece, in order: a piece is valid until do returns.
func (f *File) Float32Parts(name string, do func(part []float32) error) error {
	part := make([]float32, 0, chunk/2) // elements have two bytes at least
	return pieces(f, name, float32Decoders(), func(b []byte, size int, decode func([]byte) float32) error {
		part = part[:len(b)/size]
		for i := range part {
			part[i] = decode(b[size*i:])
		}
		return do(part)
	})
}

func float32Decoders() map[DType]func([]byte) float32 {
	le := binary.LittleEndian
	return map[DType]func([]byte) float32{
		F32:  func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) },
		BF16: func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) },
		F16:  func(b []byte) float32 { return half(le.Uint16(b)) },
	}
}

// BFloat16 reads a BF16 tensor into dst, which must have its number of
// elements, as it is.
func (f *File) BFloat16(name string, dst []uint16) error {
	return read(f, name, dst, map[DType]func([]byte) uint16{BF16: binary.LittleEndian.Uint16})
}

// Float64 reads an F64 or F32 tensor into dst, which must have its number of
// elements.
func (f *File) Float64(name string, dst []float64) error {
	le := binary.LittleEndian
	return read(f, name, dst, map[DType]func([]byte) float64{
		F64: func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) },
		F32: func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) },
	})
}

// Int32 reads an I32 tensor into dst, which must have its number of elements.
func (f *File) Int32(name string, dst []int32) error {
	return read(f, name, dst, map[DType]func([]byte) int32{
		I32: func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) },
	})
}

// Int64 reads an I64 or I32 tensor into dst, which must have its number of
// elements.
func (f *File) Int64(name string, dst []int64) error {
	return read(f, name, dst, map[DType]func([]byte) int64{
		I64: func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) },
		I32: func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) },
	})
}

// read decodes a tensor into dst, which must have its number of elements.
func read[E any](f *File, name string, dst []E, decoders map[DType]func([]byte) E) error {
	if e, ok := f.entries[name]; ok {
		if n := (e.end - e.begin) / int64(e.dtype.Size()); int64(len(dst)) != n {
			return fmt.Errorf("safetensors: %s %v has %d elements, not %d", name, e.shape, n, len(dst))
		}
	}
	return pieces(f, name, decoders, func(b []byte, size int, decode func([]byte) E) error {
		part := dst[:len(b)/size]
		for i := range part {
			part[i] = decode(b[size*i:])
		}
		dst = dst[len(part):]
		return nil
	})
}

// pieces reads a tensor piece by piece, each of whole elements of some size,
// and hands them on with the decoder of its type.
func pieces[E any](f *File, name string, decoders map[DType]func([]byte) E, do func(b []byte, size int, decode func([]byte) E) error) error {
	e, ok := f.entries[name]
	if !ok {
		return fmt.Errorf("safetensors: no tensor %q", name)
	}
	decode := decoders[e.dtype]
	if decode == nil {
		return fmt.Errorf("safetensors: %s is %s and does not convert to %T", name, e.dtype, *new(E))
	}
	buf := make([]byte, min(chunk, e.end-e.begin))
	for at := e.begin; at < e.end; {
		b := buf[:min(int64(len(buf)), e.end-at)]
		if err := readFull(f.r, b, f.data+at); err != nil {
			return fmt.Errorf("safetensors: %s: %w", name, err)
		}
		if err := do(b, e.dtype.Size(), decode); err != nil {
			return err
		}
		at += int64(len(b))
	}
	return nil
}

// half widens an IEEE binary16 value.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case 0:
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

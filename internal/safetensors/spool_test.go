package safetensors

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a spool collects is what Write would have written at once, although its
// values have changed since.
func TestSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scratch")
	s, err := NewSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	values := []float32{1, 2, 3, 4}
	large := make([]float32, chunk) // more than the buffers hold
	large[chunk-1] = 7
	all := []Tensor{
		OfBytes("bytes", []byte{1, 0, 1}, 3),
		Of("floats", values, 2, 2),
		OfBFloat16("halves", []uint16{0x3f80, 0x4000}, 2),
		OfInts("ints", []int32{-1, 1 << 30}, 2),
		Of("large", large, chunk),
		Of("none", []float32{}, 0, 3),
	}
	var want bytes.Buffer
	if err := Write(&want, map[string]string{"format": "pt"}, all); err != nil {
		t.Fatal(err)
	}
	for _, x := range all {
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	clear(values)
	collected, err := s.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Write(&got, map[string]string{"format": "pt"}, collected); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%d bytes differ from %d", got.Len(), want.Len())
	}
	f, err := open(got.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	check(t, f.Int32, "ints", []int32{-1, 1 << 30})
	check(t, f.Float32, "floats", []float32{1, 2, 3, 4})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the scratch file stays: %v", err)
	}
}

func TestSpoolErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scratch")
	s, err := NewSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := NewSpool(path); err == nil {
		t.Error("a file that is there is overwritten")
	}
	if err := s.Add(Of("short", []float32{1}, 2)); err == nil || !strings.Contains(err.Error(), "short") {
		t.Errorf("a shape that does not match: %v", err)
	}
	if err := s.Add(Of("good", []float32{1}, 1)); err != nil {
		t.Error(err)
	}
	if all, err := s.Tensors(); err != nil || !slices.EqualFunc(all, []string{"good"}, func(x Tensor, name string) bool { return x.Name == name }) {
		t.Errorf("%v, %v", all, err)
	}
}

// A stream writes as many bytes as its shape has, and is the only data.
func TestStream(t *testing.T) {
	write := func(x Tensor) error { return Write(io.Discard, nil, []Tensor{x}) }
	of := func(n int) Tensor {
		return Tensor{Name: "x", DType: F32, Shape: []int{2}, Stream: func(w io.Writer) error { _, err := w.Write(make([]byte, n)); return err }}
	}
	if err := write(of(8)); err != nil {
		t.Error(err)
	}
	if err := write(of(7)); err == nil || !strings.Contains(err.Error(), "needs 8 bytes, got 7") {
		t.Errorf("a short stream: %v", err)
	}
	both := of(8)
	both.Float32 = []float32{1, 2}
	if err := write(both); err == nil {
		t.Error("a stream beside data is accepted")
	}
	broken := of(8)
	broken.Stream = func(io.Writer) error { return errors.ErrUnsupported }
	if err := write(broken); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a broken stream: %v", err)
	}
}

package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ranklab/internal/bounded/boundedtest"
)

// file assembles a file from a header text and data.
func file(header string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func open(b []byte) (*File, error) { return Read(bytes.NewReader(b), int64(len(b))) }

// TestPythonFile reads a file written by the Python package (safetensors
// 0.8.0) with every element type.
func TestPythonFile(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]string{"format": "pt", "note": `grüße "quoted"`}
	if d := cmp.Diff(want, f.Metadata()); d != "" {
		t.Errorf("metadata (-want +got):\n%s", d)
	}
	if got := slices.Sorted(slices.Values(f.Names())); !slices.Equal(got,
		[]string{"bf16", "bool", "empty", "f16", "f32", "f64", "i32", "i64", "scalar", "u8"}) {
		t.Errorf("names %v", got)
	}
	check(t, f.Float64, "f64", []float64{1.5, -2.25, 1e-300, 3})
	check(t, f.Float32, "f32", []float32{0.1, float32(math.Copysign(0, -1)), 3.4e38})
	check(t, f.Float64, "f32", []float64{float64(float32(0.1)), 0, float64(float32(3.4e38))})
	check(t, f.Float32, "f16", []float32{1, -2, 65504, 0x1p-24, 0.333007812})
	check(t, f.Float32, "bf16", []float32{1, -2.5, math.Float32frombits(0x7f62 << 16)})
	check(t, f.Int64, "i64", []int64{-1, 1 << 40})
	check(t, f.Int64, "i32", []int64{7, -8})
	check(t, f.Int32, "i32", []int32{7, -8})
	check(t, f.Bytes, "u8", []byte{0, 255})
	check(t, f.Bytes, "bool", []byte{1, 0})
	check(t, f.Float32, "empty", []float32{})
	check(t, f.Float32, "scalar", []float32{2.5})
	if info, ok := f.Info("f64"); !ok || info.DType != F64 || !slices.Equal(info.Shape, []int{2, 2}) || info.Elements() != 4 {
		t.Errorf("Info(f64) = %v, %v", info, ok)
	}
}

func check[E comparable](t *testing.T, read func(string, []E) error, name string, want []E) {
	t.Helper()
	got := make([]E, len(want))
	if err := read(name, got); err != nil {
		t.Error(err)
	} else if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
	if err := read(name, make([]E, len(want)+1)); err == nil {
		t.Errorf("%s: a destination of the wrong length was accepted", name)
	}
}

func TestFloat32RefusesNarrowing(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Float32("f64", make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "F64") {
		t.Errorf("F64 as float32: %v", err)
	}
	if err := f.Float32("absent", nil); err == nil {
		t.Error("an absent tensor was read")
	}
}

// TestBytes pins the encoding of a small file.
func TestBytes(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, map[string]string{"b": "2", "a": "1"}, []Tensor{
		{Name: "u", DType: U8, Shape: []int{3}, Data: []byte{1, 2, 3}},
		Of("w", []float32{1, -2}, 1, 2),
	})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"a":"1","b":"2"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},` +
		`"u":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}`
	header += strings.Repeat(" ", 7-(len(header)+7)%8)
	if want := file(header, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 1, 2, 3}); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("got  %q\nwant %q", b.Bytes(), want)
	}
}

// TestRoundTrip writes arbitrary tensors and reads the same back, bit for bit.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringN(1, 12, -1).Filter(func(s string) bool { return s != metadataKey }), 0, 5,
			func(s string) string { return s }).Draw(t, "names")
		meta := rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "metadata")
		var tensors []Tensor
		for _, name := range names {
			shape := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 3).Draw(t, "shape")
			x := Tensor{Name: name, Shape: shape}
			x.DType = rapid.SampledFrom([]DType{F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool}).Draw(t, "dtype")
			if x.DType == F32 {
				x.Float32 = make([]float32, x.Elements())
				for i := range x.Float32 {
					x.Float32[i] = math.Float32frombits(rapid.Uint32().Draw(t, "bits"))
				}
			} else {
				n := x.DType.Size() * x.Elements()
				x.Data = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
			}
			tensors = append(tensors, x)
		}
		var b bytes.Buffer
		if err := Write(&b, meta, tensors); err != nil {
			t.Fatal(err)
		}
		f, err := open(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(meta, f.Metadata()); d != "" {
			t.Fatal(d)
		}
		if len(f.Names()) != len(tensors) {
			t.Fatalf("%d names, want %d", len(f.Names()), len(tensors))
		}
		for _, x := range tensors {
			info, ok := f.Info(x.Name)
			if !ok || info.DType != x.DType || !slices.Equal(info.Shape, x.Shape) {
				t.Fatalf("Info(%q) = %v, %v", x.Name, info, ok)
			}
			if f.entries[x.Name].begin%int64(x.DType.Size()) != 0 {
				t.Fatalf("%q is not aligned", x.Name)
			}
			if x.DType != F32 {
				got := make([]byte, len(x.Data))
				if err := f.Bytes(x.Name, got); err != nil || !bytes.Equal(got, x.Data) {
					t.Fatalf("%q: %v, error %v", x.Name, got, err)
				}
				continue
			}
			got := make([]float32, len(x.Float32))
			if err := f.Float32(x.Name, got); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(x.Float32[i]) {
					t.Fatalf("%q[%d]: %x, want %x", x.Name, i, got[i], x.Float32[i])
				}
			}
		}
	})
}

// TestChunks reads and writes a tensor longer than one buffer.
func TestChunks(t *testing.T) {
	values := make([]float32, 3*chunk/4+17)
	for i := range values {
		values[i] = float32(i)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(w, nil, []Tensor{Of("x", values, len(values))}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Metadata() != nil {
		t.Errorf("metadata %v, want none", f.Metadata())
	}
	check(t, f.Float32, "x", values)
}

func TestWriteRefuses(t *testing.T) {
	good := Of("a", []float32{1}, 1)
	for name, tensors := range map[string][]Tensor{
		"repeated name":        {good, good},
		"empty name":           {Of("", []float32{1}, 1)},
		"reserved name":        {Of(metadataKey, []float32{1}, 1)},
		"name not UTF-8":       {Of("\xff", []float32{1}, 1)},
		"unknown dtype":        {{Name: "a", DType: "F8"}},
		"wrong length":         {Of("a", []float32{1}, 2)},
		"negative dimension":   {{Name: "a", DType: U8, Shape: []int{-1, -1}, Data: []byte{0}}},
		"overflow":             {{Name: "a", DType: F32, Shape: []int{math.MaxInt, 4}}},
		"floats of other type": {{Name: "a", DType: I32, Shape: []int{1}, Float32: []float32{1}}},
	} {
		var b bytes.Buffer
		if err := Write(&b, nil, tensors); err == nil || b.Len() != 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
	if err := Write(&bytes.Buffer{}, map[string]string{"k": "\xff"}, nil); err == nil {
		t.Error("metadata that is not UTF-8 was accepted")
	}
}

// broken lists invalid files; they also seed the fuzz target.
func broken() map[string][]byte {
	entry := func(s string) []byte { return file(`{"a":`+s+`}`, make([]byte, 8)) }
	huge := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	return map[string][]byte{
		"no bytes":              {},
		"short prefix":          {1, 2, 3},
		"header beyond file":    binary.LittleEndian.AppendUint64(nil, 100),
		"huge header":           append(huge, "{}"...),
		"empty header":          file("", nil),
		"leading space":         file(" {}", nil),
		"not an object":         file("[]", nil),
		"torn JSON":             file(`{"a":{"dtype":"F32","sha`, nil),
		"text after":            file("{}x", nil),
		"two objects":           file("{}{}", nil),
		"not UTF-8":             file("{\"\xff\":1}", nil),
		"metadata number":       file(`{"__metadata__":{"a":1}}`, nil),
		"metadata list":         file(`{"__metadata__":[]}`, nil),
		"data without tensor":   file("{}", []byte{1}),
		"unknown dtype":         entry(`{"dtype":"F33","shape":[2],"data_offsets":[0,8]}`),
		"dtype number":          entry(`{"dtype":3,"shape":[2],"data_offsets":[0,8]}`),
		"shape string":          entry(`{"dtype":"F32","shape":"2","data_offsets":[0,8]}`),
		"negative shape":        entry(`{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}`),
		"fractional shape":      entry(`{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}`),
		"overflowing shape":     entry(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}`),
		"wrapping shape":        entry(`{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}`),
		"number beyond int64":   entry(`{"dtype":"F32","shape":[18446744073709551618],"data_offsets":[0,8]}`),
		"shape against offsets": entry(`{"dtype":"F32","shape":[3],"data_offsets":[0,8]}`),
		"backwards":             entry(`{"dtype":"F32","shape":[2],"data_offsets":[8,0]}`),
		"three offsets":         entry(`{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}`),
		"beyond data":           entry(`{"dtype":"F32","shape":[4],"data_offsets":[0,16]}`),
		"data left over":        entry(`{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`),
		"hole before":           entry(`{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`),
		"missing key":           entry(`{"dtype":"F32","shape":[2]}`),
		"repeated key":          entry(`{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}`),
		"unknown key":           entry(`{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}`),
		"repeated tensor":       file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, []byte{0, 0}),
		"overlap":               file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, []byte{0, 0, 0}),
		"same range":            file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, []byte{0, 0}),
		"empty inside another":  file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, []byte{0, 0}),
		"deep nesting":          file(`{"a":`+strings.Repeat("[", 20000), nil),
		"metadata twice":        file(`{"__metadata__":{},"__metadata__":{}}`, nil),
		"metadata key twice":    file(`{"__metadata__":{"a":"1","a":"2"}}`, nil),
	}
}

func TestReadRefuses(t *testing.T) {
	for name, b := range broken() {
		if f, err := open(b); err == nil {
			t.Errorf("%s: accepted, names %v", name, f.Names())
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// TestTorn cuts a valid file at every length: each prefix is refused.
func TestTorn(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, map[string]string{"k": "v"}, []Tensor{Of("a", []float32{1, 2}, 2), Of("b", []float32{3}, 1)}); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if _, err := open(b.Bytes()[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were accepted", n, b.Len())
		}
	}
}

// FuzzRead reads arbitrary bytes. What is accepted survives writing and
// reading again with the same names, types, shapes and data.
func FuzzRead(f *testing.F) {
	for _, b := range broken() {
		if len(b) < 4096 {
			f.Add(b)
		}
	}
	if b, err := os.ReadFile("testdata/python.safetensors"); err != nil {
		f.Fatal(err)
	} else {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var first *File
		var err error
		boundedtest.AtMost(t, 500*int64(len(b)), func() { first, err = open(b) })
		if err != nil {
			return
		}
		data := int64(0) // whatever the header says, there is no more data than the file has
		for _, e := range first.entries {
			data += e.end - e.begin
		}
		if first.data+data != int64(len(b)) {
			t.Fatalf("a header of %d bytes and %d bytes of data in a file of %d", first.data, data, len(b))
		}
		tensors := contents(t, first)
		var again bytes.Buffer
		if err := Write(&again, first.Metadata(), tensors); err != nil {
			if slices.Contains(first.Names(), "") {
				return // readable, but never written here
			}
			t.Fatal(err)
		}
		second, err := open(again.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		byName := func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) }
		rewritten := contents(t, second)
		slices.SortFunc(tensors, byName)
		slices.SortFunc(rewritten, byName)
		if d := cmp.Diff(tensors, rewritten); d != "" {
			t.Fatalf("changed (-first +second):\n%s", d)
		}
		if d := cmp.Diff(first.Metadata(), second.Metadata()); d != "" {
			t.Fatalf("metadata changed (-first +second):\n%s", d)
		}
	})
}

func contents(t *testing.T, f *File) []Tensor {
	var all []Tensor
	for _, name := range f.Names() {
		x, _ := f.Info(name)
		e := f.entries[name]
		x.Data = make([]byte, e.end-e.begin)
		if err := f.Bytes(name, x.Data); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

// TestBFloat16: 16-bit values are written and read as they are, and read as
// float32 too.
func TestBFloat16(t *testing.T) {
	want := make([]uint16, chunk+3)
	for i := range want {
		want[i] = uint16(i * 7)
	}
	var b bytes.Buffer
	if err := Write(&b, nil, []Tensor{OfBFloat16("h", want, len(want)), OfBytes("u", []byte{1, 2}, 2)}); err != nil {
		t.Fatal(err)
	}
	f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	got, wide := make([]uint16, len(want)), make([]float32, len(want))
	if err := errors.Join(f.BFloat16("h", got), f.Float32("h", wide)); err != nil || !slices.Equal(got, want) {
		t.Errorf("read back: %v, equal %v", err, slices.Equal(got, want))
	}
	if v := math.Float32bits(wide[5]); v != uint32(want[5])<<16 {
		t.Errorf("widened to %x", v)
	}
	if err := f.BFloat16("u", make([]uint16, 2)); err == nil {
		t.Error("U8 read as BF16")
	}
	for _, bad := range []Tensor{{Name: "x", DType: F16, Shape: []int{1}, BFloat16: []uint16{1}}, OfBFloat16("x", []uint16{1}, 2)} {
		if err := Write(&b, nil, []Tensor{bad}); err == nil {
			t.Errorf("%+v was written", bad)
		}
	}
}

// Values stand for data: the same bytes, whatever the pieces share.
func TestComputedValues(t *testing.T) {
	a, b, h := []float32{1, 2, 3}, []float32{4, 5, 6}, []uint16{0x3f80, 0x4000, 0x4040}
	var want, got bytes.Buffer
	if err := Write(&want, nil, []Tensor{Of("a", a, 3), Of("b", b, 3), OfBFloat16("h", h, 3)}); err != nil {
		t.Fatal(err)
	}
	shared := make([]float32, 3)
	computed := func(name string, values []float32) Tensor {
		return Tensor{Name: name, DType: F32, Shape: []int{3}, Values: func() Tensor {
			copy(shared, values)
			return Of(name, shared, 3)
		}}
	}
	late := Tensor{Name: "h", DType: BF16, Shape: []int{3}, Values: func() Tensor { return OfBFloat16("", h, 3) }}
	if err := Write(&got, nil, []Tensor{computed("a", a), computed("b", b), late}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("computed values are written as other bytes")
	}
	for name, bad := range map[string]Tensor{
		"type":   {Name: "x", DType: F32, Shape: []int{3}, Values: late.Values},
		"length": {Name: "x", DType: F32, Shape: []int{2}, Values: computed("x", a).Values},
		"both":   {Name: "x", DType: F32, Shape: []int{3}, Float32: a, Values: computed("x", a).Values},
	} {
		if err := Write(io.Discard, nil, []Tensor{bad}); err == nil {
			t.Errorf("wrong %s: no error", name)
		}
	}
}

// Pieces of a tensor, in order, are the tensor.
func TestFloat32Parts(t *testing.T) {
	values := make([]float32, chunk) // four pieces in float32, two of 16 bits
	halves := make([]uint16, len(values))
	for i := range values {
		halves[i] = uint16(i)
		values[i] = math.Float32frombits(uint32(i) << 16)
	}
	var b bytes.Buffer
	if err := Write(&b, nil, []Tensor{Of("full", values, len(values)), OfBFloat16("half", halves, len(values)), OfBytes("codes", []byte{1}, 1), Of("none", []float32{}, 0)}); err != nil {
		t.Fatal(err)
	}
	f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"full", "half", "none"} {
		var got []float32
		if err := f.Float32Parts(name, func(part []float32) error { got = append(got, part...); return nil }); err != nil {
			t.Fatal(err)
		}
		if name == "none" && len(got) > 0 || name != "none" && len(got) != len(values) {
			t.Fatalf("%s: %d values", name, len(got))
		}
		for i, v := range got {
			if math.Float32bits(v) != math.Float32bits(values[i]) {
				t.Fatalf("%s: value %d is %v, want %v", name, i, v, values[i])
			}
		}
	}
	stop := errors.New("enough")
	if err := f.Float32Parts("full", func([]float32) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v, want %v", err, stop)
	}
	for _, name := range []string{"codes", "absent"} {
		if err := f.Float32Parts(name, func([]float32) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

package interop

import (
	"encoding/json"
	"math"
	"testing"

	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// golden opens a file of testdata.
func golden(t *testing.T, name string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open("testdata/" + name + ".safetensors")
	if err != nil {
		t.Fatalf("%v (README.md says how to regenerate)", err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// float64s reads a golden tensor.
func float64s(t *testing.T, f *safetensors.File, name string) []float64 {
	t.Helper()
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("the golden file has no %q", name)
	}
	v := make([]float64, info.Elements())
	if err := f.Float64(name, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func float32s(t *testing.T, f *safetensors.File, name string) []float32 {
	t.Helper()
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("the golden file has no %q", name)
	}
	v := make([]float32, info.Elements())
	if err := f.Float32(name, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// distance returns ‖got - want‖ and ‖want‖. A NaN makes the distance NaN.
func distance(t *testing.T, got []float32, want []float64) (d, norm float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, the golden has %d", len(got), len(want))
	}
	for i, w := range want {
		d += (float64(got[i]) - w) * (float64(got[i]) - w)
		norm += w * w
	}
	return math.Sqrt(d), math.Sqrt(norm)
}

func suite(t *testing.T) (*Suite, *tensor.Device) {
	t.Helper()
	s, err := LoadSuite()
	if err != nil {
		t.Fatal(err)
	}
	device := tensor.NewDevice(tensor.Options{Threads: 2})
	t.Cleanup(device.Close)
	return s, device
}

// TestInputs requires that Go still draws what the goldens were computed from.
func TestInputs(t *testing.T) {
	s, device := suite(t)
	f := golden(t, "inputs")
	all, err := s.Inputs(device)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(f.Names()) {
		t.Errorf("%d tensors, the file has %d: regenerate", len(all), len(f.Names()))
	}
	for _, x := range all {
		if x.DType == safetensors.I32 {
			got := make([]byte, len(x.Data))
			if err := f.Bytes(x.Name, got); err != nil {
				t.Error(err)
			} else if string(got) != string(x.Data) {
				t.Errorf("%s changed: regenerate", x.Name)
			}
			continue
		}
		want := float32s(t, f, x.Name)
		for i, v := range x.Float32 {
			if math.Float32bits(v) != math.Float32bits(want[i]) {
				t.Errorf("%s[%d] = %g, the goldens were computed from %g: regenerate", x.Name, i, v, want[i])
				break
			}
		}
	}
}

// metadata decodes a JSON value of a golden's metadata.
func metadata(t *testing.T, f *safetensors.File, key string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.Metadata()[key]), v); err != nil {
		t.Fatalf("metadata %q: %v", key, err)
	}
}

func int32s(t *testing.T, f *safetensors.File, name string) []int32 {
	t.Helper()
	info, ok := f.Info(name)
	if !ok {
		t.Fatalf("the golden file has no %q", name)
	}
	v := make([]int32, info.Elements())
	if err := f.Int32(name, v); err != nil {
		t.Fatal(err)
	}
	return v
}

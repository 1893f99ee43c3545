package selftest

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"ranklab/harness/spec"
	"ranklab/tensor"
)

var update = flag.Bool("update", false, "write golden.json anew")

// TestKnown: the pure-Go path gives the digests that golden.json has of it, and
// so does every other path.
func TestKnown(t *testing.T) {
	if *update {
		f := File{spec.NumericsVersion, map[string]string{}}
		d := tensor.NewDevice(tensor.Options{Threads: 1, ISA: tensor.Go})
		defer d.Close()
		for _, op := range Operations() {
			sum := Digest(op.Run(d))
			f.Digests[op.String()] = hex.EncodeToString(sum[:])
		}
		data, err := json.MarshalIndent(f, "", "  ")
		if err == nil {
			err = os.WriteFile("golden.json", append(data, '\n'), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	known, err := Known()
	if err != nil {
		t.Fatal(err)
	}
	if known.NumericsVersion != spec.NumericsVersion {
		t.Fatalf("golden.json is of numerics_version %d, the program is of %d: go test ./harness/selftest -update", known.NumericsVersion, spec.NumericsVersion)
	}
	operations := Operations()
	r, err := Run(t.Context(), operations, Paths(2), known.Digests)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Faults {
		t.Errorf("%v; if the numbers should change, see harness/train TestGoldenRun, and write golden.json anew with -update", f)
	}
	if len(known.Digests) != len(operations) {
		t.Errorf("golden.json knows %d operations, there are %d of different names", len(known.Digests), len(operations))
	}
	t.Logf("%d operations on %v in %.1f s, digest %s", r.Operations, r.Paths, r.Seconds, r.Digest)
}

// TestOutputsSaySomething: no operation leaves its outputs as a broken one
// could, all NaN or all alike.
func TestOutputsSaySomething(t *testing.T) {
	d := tensor.NewDevice(tensor.Options{})
	defer d.Close()
	for _, op := range Operations() {
		for _, o := range op.Run(d) {
			different := map[uint64]bool{}
			for _, v := range o.Values {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%v: %s holds %v", op, o.Name, v)
					break
				}
				different[bits(v)] = true
			}
			if len(o.Values) > 100 && len(different) < 10 {
				t.Errorf("%v: %s holds %d different values", op, o.Name, len(different))
			}
		}
	}
}

// small returns the operations that a test can compute many times.
func small() []Operation {
	var some []Operation
	for _, op := range Operations() {
		if op.Name == "RMSNorm" || op.Name == "Gemm NT" && strings.HasPrefix(op.Shape, "13 ") {
			some = append(some, op)
		}
	}
	return some
}

// TestFaults: one wrong bit of one value on one path is found, and named.
func TestFaults(t *testing.T) {
	known, err := Known()
	if err != nil {
		t.Fatal(err)
	}
	paths := Paths(1)
	for _, bad := range paths {
		operations := small()
		op := &operations[0]
		good := op.Run
		op.Run = func(d *tensor.Device) []Output {
			out := good(d)
			if d.ISA() == bad.ISA && d.Threads() == bad.Threads {
				v := &out[0].Values[out[0].Cols+2] // row 1, column 2
				*v = float64(math.Float32frombits(math.Float32bits(float32(*v)) ^ 1))
			}
			return out
		}
		r, err := Run(t.Context(), operations, paths, known.Digests)
		if err != nil {
			t.Fatal(err)
		}
		golden := bad == paths[0] // then the others differ from it, too
		if want := map[bool]int{true: len(paths), false: 1}[golden]; len(r.Faults) != want {
			t.Fatalf("wrong on %v: %d faults, want %d: %v", bad, len(r.Faults), want, r.Faults)
		}
		f := r.Faults[0]
		if f.Operation != op.Name || f.Shape != op.Shape || f.ISA != bad.ISA.String() || f.Threads != bad.Threads || f.Golden != golden {
			t.Errorf("wrong on %v: %+v", bad, f)
		}
		if !golden && (f.Output != "C" || f.Row != 1 || f.Column != 2 || f.Got == f.Want) {
			t.Errorf("wrong on %v: %+v", bad, f)
		}
		if s := f.String(); !strings.Contains(s, op.Name) || !strings.Contains(s, bad.ISA.String()) {
			t.Error(s)
		}
	}
}

// TestNotANumber: NaN is told from a number, and not from NaN; 0 is told from -0.
func TestNotANumber(t *testing.T) {
	payload := math.Float64frombits(math.Float64bits(math.NaN()) ^ 5)
	one := func(v float64) []Output { return []Output{numbers("x", v)} }
	for _, c := range []struct {
		a, b    float64
		differs bool
	}{{math.NaN(), payload, false}, {math.NaN(), 1, true}, {0, math.Copysign(0, -1), true}, {2, 2, false}} {
		if got := (&Fault{}).differs(one(c.a), one(c.b)); got != c.differs {
			t.Errorf("%v and %v: differ %v, want %v", c.a, c.b, got, c.differs)
		}
		if got := Digest(one(c.a)) != Digest(one(c.b)); got != c.differs {
			t.Errorf("digests of %v and %v: differ %v, want %v", c.a, c.b, got, c.differs)
		}
	}
}

// Package selftest computes every operation of package tensor on inputs that
// never change and compares the results: each instruction set, on one thread and
// on several, with the pure-Go path bit by bit, and the pure-Go path with
// digests that are the same on every machine. Where they differ, a kernel, a
// compiler, a processor or a memory is at fault.
package selftest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"ranklab/tensor"
)

// An Operation is one thing that a device computes, on one shape.
type Operation struct {
	Name  string // as in package tensor: "Gemm NT"
	Shape string
	// Run computes it on new copies of the inputs.
	Run func(d *tensor.Device) []Output
}

// String is the key of the operation among the known digests.
func (o Operation) String() string { return o.Name + ", " + o.Shape }

// An Output is one result of an operation: everything that it has written, and
// what lies between rows, which it must not write. Narrower values are widened,
// which is exact.
type Output struct {
	Name   string
	Cols   int // values per row, with what lies behind it
	Values []float64
}

// A Path is a way to compute: an instruction set and a number of threads.
type Path struct {
	ISA     tensor.ISA
	Threads int
}

func (p Path) String() string {
	if p.Threads == 1 {
		return p.ISA.String() + " on 1 thread"
	}
	return fmt.Sprintf("%s on %d threads", p.ISA, p.Threads)
}

// Paths returns every way to compute on this machine, the pure-Go one on one
// thread, which the others are compared with, first. Several threads are three,
// so that nothing divides evenly, or as many as there are processors, but not so
// many that none has anything to do.
func Paths(processors int) []Path {
	several := max(3, min(processors, 16))
	paths := []Path{{tensor.Go, 1}, {tensor.Go, several}}
	for _, isa := range tensor.Supported() {
		if isa != tensor.Go {
			paths = append(paths, Path{isa, 1}, Path{isa, several})
		}
	}
	return paths
}

// A Fault is an operation that gives another result than it must.
type Fault struct {
	Operation string `json:"operation"`
	Shape     string `json:"shape"`
	ISA       string `json:"isa"`
	Threads   int    `json:"threads"`
	// Of the first value that differs from the pure-Go path.
	Output string `json:"output,omitempty"`
	Row    int    `json:"row,omitempty"`
	Column int    `json:"column,omitempty"`
	// Got and Want are values, or digests where the pure-Go path itself does not
	// give what is known of it.
	Got  string `json:"got"`
	Want string `json:"want"`
	// Golden says that they are digests.
	Golden bool `json:"golden,omitempty"`
}

func (f Fault) String() string {
	threads := "thread"
	if f.Threads > 1 {
		threads = "threads"
	}
	where := fmt.Sprintf("%s, %s, %s on %d %s: ", f.Operation, f.Shape, f.ISA, f.Threads, threads)
	if f.Golden {
		return where + fmt.Sprintf("digest %.12s…, known is %.12s…", f.Got, f.Want)
	}
	return where + fmt.Sprintf("%s at row %d, column %d is %s, pure Go has %s", f.Output, f.Row, f.Column, f.Got, f.Want)
}

// A Result is what the self-test found.
type Result struct {
	Operations int     `json:"operations"`
	Paths      []Path  `json:"-"`
	Digest     string  `json:"digest"` // SHA-256 over all results of the pure-Go path: the same on every machine
	Faults     []Fault `json:"faults"`
	Seconds    float64 `json:"seconds"`
}

// A File holds the digests that the pure-Go path must give, by operation.
type File struct {
	NumericsVersion int               `json:"numerics_version"` // of the program that they were computed with
	Digests         map[string]string `json:"digests"`
}

// known is golden.json.
//
//go:embed golden.json
var known []byte

// Known returns the digests that every machine gives.
func Known() (f File, err error) {
	err = json.Unmarshal(known, &f)
	return f, err
}

// Run computes the operations on the paths, of which the first is the one that
// the others are compared with, and compares it with the known digests. When ctx
// ends it returns the error of ctx.
func Run(ctx context.Context, operations []Operation, paths []Path, known map[string]string) (Result, error) {
	began := time.Now()
	r := Result{Operations: len(operations), Paths: paths, Faults: []Fault{}}
	devices := make([]*tensor.Device, len(paths))
	for i, p := range paths {
		devices[i] = tensor.NewDevice(tensor.Options{Threads: p.Threads, ISA: p.ISA})
		defer devices[i].Close()
	}
	all := sha256.New()
	for _, op := range operations {
		var want []Output
		for i, p := range paths {
			if err := ctx.Err(); err != nil {
				return r, err
			}
			got := op.Run(devices[i])
			fault := Fault{Operation: op.Name, Shape: op.Shape, ISA: p.ISA.String(), Threads: p.Threads}
			if i > 0 {
				if fault.differs(got, want) {
					r.Faults = append(r.Faults, fault)
				}
				continue
			}
			want = got
			sum := Digest(got)
			all.Write(sum[:])
			if digest := hex.EncodeToString(sum[:]); digest != known[op.String()] {
				fault.Golden, fault.Got, fault.Want = true, digest, known[op.String()]
				r.Faults = append(r.Faults, fault)
			}
		}
	}
	r.Digest, r.Seconds = hex.EncodeToString(all.Sum(nil)), time.Since(began).Seconds()
	return r, nil
}

// differs fills in the first value that differs in its bits, if there is one.
func (f *Fault) differs(got, want []Output) bool {
	if len(got) != len(want) {
		panic("selftest: an operation has a fixed number of outputs")
	}
	for i, w := range want {
		if len(got[i].Values) != len(w.Values) {
			panic("selftest: outputs have a fixed size")
		}
		for j, v := range w.Values {
			if g := got[i].Values[j]; bits(g) != bits(v) {
				f.Output, f.Row, f.Column = w.Name, j/w.Cols, j%w.Cols
				f.Got, f.Want = exactly(g), exactly(v)
				return true
			}
		}
	}
	return false
}

// exactly writes a value for people, and its bits where they do not show.
func exactly(v float64) string { return fmt.Sprintf("%v (%x)", v, v) }

// Digest is the SHA-256 of the values of the outputs, as little-endian float64.
func Digest(outputs []Output) [sha256.Size]byte {
	var buffer []byte
	for _, o := range outputs {
		for _, v := range o.Values {
			buffer = binary.LittleEndian.AppendUint64(buffer, bits(v))
		}
	}
	return sha256.Sum256(buffer)
}

// bits tells values apart, but one NaN is as good as another.
func bits(v float64) uint64 {
	if v != v {
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(v)
}

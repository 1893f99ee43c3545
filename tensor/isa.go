package tensor

import (
	"fmt"
	"slices"
	"strings"
)

// An ISA is an instruction set that a [Device] computes with. All that one
// build offers give the same bits; they differ in speed only.
type ISA uint8

const (
	Auto   ISA = iota // the fastest that the CPU has
	AVX512            // amd64: AVX-512 F, BW, DQ and VL
	AVX2              // amd64: AVX2 and FMA
	Go                // pure Go on any architecture; the reference, and slow
)

var isaNames = [...]string{Auto: "auto", AVX512: "avx512", AVX2: "avx2", Go: "go"}

// String returns the name that [ParseISA] reads.
func (i ISA) String() string {
	if int(i) < len(isaNames) {
		return isaNames[i]
	}
	return fmt.Sprintf("ISA(%d)", uint8(i))
}

// ParseISA returns the instruction set of a name: auto, avx512, avx2 or go. It
// is an error if there is none of that name, or if this CPU lacks it.
func ParseISA(name string) (ISA, error) {
	n := slices.Index(isaNames[:], strings.ToLower(name))
	if n < 0 {
		return Auto, fmt.Errorf("unknown instruction set %q; choose one of %s", name, strings.Join(isaNames[:], ", "))
	}
	i := ISA(n)
	if !i.supported() {
		return Auto, fmt.Errorf("instruction set %s: this CPU or build lacks it; it has %s", i, supportedNames())
	}
	return i, nil
}

// Supported returns the instruction sets that this CPU and build have, the
// fastest first. The last one is [Go].
func Supported() []ISA {
	var s []ISA
	for i := AVX512; i <= Go; i++ {
		if i.supported() {
			s = append(s, i)
		}
	}
	return s
}

func supportedNames() string {
	var names []string
	for _, i := range Supported() {
		names = append(names, i.String())
	}
	return strings.Join(names, ", ")
}

func (i ISA) supported() bool {
	switch i {
	case AVX512:
		return hasAVX512()
	case AVX2:
		return hasAVX2()
	}
	return i == Auto || i == Go
}

// resolve replaces Auto by the fastest instruction set; it panics on one that
// the CPU lacks.
func (i ISA) resolve() ISA {
	if i == Auto {
		return Supported()[0]
	}
	if !i.supported() {
		panic(fmt.Sprintf("tensor: instruction set %s is not supported here, only %s", i, supportedNames()))
	}
	return i
}

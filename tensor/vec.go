package tensor

// Row kernels. A method of ISA gives the bits of the Go function of its name,
// which is both its specification and what other architectures run. Elements
// are independent, or belong to one of the 16 lanes of a sum; every rounding is
// explicit, a multiply-add rounding once.
//
// One source per operation, over vectors of 16 lanes, is emitted for both
// instruction sets (one ZMM register, or two YMM), tails under masks. Slices
// are as long as the first one.
//
//go:generate go run -C ../tools ./kernels -out ../tensor

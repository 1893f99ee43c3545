package tensor

// Row kernels on an instruction set. Each gives the bits of the Go function of
// its name: elements are independent, or belong to one of the 16 lanes of sum,
// and products that are added to something are rounded first.

// exps computes dst_i ← exp(a·x_i + b); dst may be x.
func (i ISA) exps(dst, x []float32, a, b float32) {
	if len(x) == 0 {
		return
	}
	dst = dst[:len(x)]
	switch i {
	case AVX512:
		exps512(&dst[0], &x[0], len(x), a, b)
	case AVX2:
		exps256(&dst[0], &x[0], len(x), a, b)
	default:
		exps(dst, x, a, b)
	}
}

// sum returns Σ x_i.
func (i ISA) sum(x []float32) float32 {
	if len(x) == 0 {
		return 0
	}
	switch i {
	case AVX512:
		return sum512(&x[0], len(x))
	case AVX2:
		return sum256(&x[0], len(x))
	}
	return sum(x)
}

// dot returns Σ x_i·y_i.
func (i ISA) dot(x, y []float32) float32 {
	if len(x) == 0 {
		return 0
	}
	y = y[:len(x)]
	switch i {
	case AVX512:
		return dot512(&x[0], &y[0], len(x))
	case AVX2:
		return dot256(&x[0], &y[0], len(x))
	}
	return dot(x, y)
}

// largest returns the largest element of x, which is not empty. NaN is passed
// over unless it comes first; a zero is +0.
func (i ISA) largest(x []float32) float32 {
	var m float32
	switch first := &x[0]; i {
	case AVX512:
		m = largest512(first, len(x))
	case AVX2:
		m = largest256(first, len(x))
	default:
		m = largest(x)
	}
	return m + 0
}

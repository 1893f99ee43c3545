package tensor

// pack copies the lines i … i+lines-1, values p … p+kc-1, to dst as kc rows of
// w ≥ lines values, value q of line i+l going to dst[q*w+l]. What is beyond
// the lines is set to zero; it meets outputs that are not stored.
func (o *operand) pack(isa ISA, dst []float32, w, i, lines, p, kc int) {
	if lines < w {
		clear(dst[:w*kc])
	}
	if o.contiguous {
		packLines(isa, dst, w, o.data[i*o.stride+p:], o.stride, lines, kc)
	} else {
		packRows(isa, dst, w, o.data[p*o.stride+i:], o.stride, lines, kc)
	}
}

// packRows copies kc rows of n values, stride apart, to rows w apart.
func packRows(isa ISA, dst []float32, w int, src []float32, stride, n, kc int) {
	if isa != Go && n%4 == 0 {
		copyRows(&dst[0], w, &src[0], stride, n/4, kc)
		return
	}
	for q := range kc {
		copy(dst[q*w:][:n], src[q*stride:])
	}
}

// packDepth limits the part of dst that packLines writes in pieces, to keep it
// in the first-level cache.
const packDepth = 64

// packLines transposes lines × kc values, lines stride apart, to rows w apart.
func packLines(isa ISA, dst []float32, w int, src []float32, stride, lines, kc int) {
	l, q := 0, 0
	if isa != Go {
		l, q = lines&^3, kc&^7
		for q0 := 0; q0 < q; q0 += packDepth {
			for i := 0; i < l; i += 4 {
				transpose4(&dst[q0*w+i], w, &src[i*stride+q0], stride, min(packDepth, q-q0))
			}
		}
	}
	scatter(dst, w, src, stride, 0, l, q, kc)
	scatter(dst, w, src, stride, l, lines, 0, kc)
}

// scatter transposes the lines l0 … l1-1, values q0 … q1-1.
func scatter(dst []float32, w int, src []float32, stride, l0, l1, q0, q1 int) {
	for l := l0; l < l1; l++ {
		line := src[l*stride:]
		for q := q0; q < q1; q++ {
			dst[q*w+l] = line[q]
		}
	}
}

// first returns the address of value p of line i.
func (o *operand) first(i, p int) *float32 {
	if o.contiguous {
		return &o.data[i*o.stride+p]
	}
	return &o.data[p*o.stride+i]
}

// ahead lists offsets, in bytes, from the first value of a strip of gemmMR
// lines to its cache lines, for the kernel to ask for one per step. Offsets may
// lead out of the matrix, which does no harm.
func (o *operand) ahead(offsets []int) {
	for q := range offsets {
		if o.contiguous {
			offsets[q] = 4 * (q%gemmMR*o.stride + q/gemmMR*cacheLine)
		} else {
			offsets[q] = 4 * (q*o.stride + gemmMR - 1)
		}
	}
}

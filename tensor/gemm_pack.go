package tensor

// pack copies the lines i … i+lines-1, values p … p+kc-1, to dst in strips of
// gemmMR or gemmNR lines: value q of line l of a strip goes to value q*w+l of
// it, where w is the strip's width, and strips are width·kc values apart. The
// last strip may be narrower and padded to rest ≥ its lines, with zeros; they
// meet outputs that are not stored.
func (o *operand) pack(isa ISA, dst []float32, width, rest, i, lines, p, kc int) {
	whole := lines / width
	if o.contiguous {
		for s := range whole {
			packLines(isa, dst[s*width*kc:], width, o.data[(i+s*width)*o.stride+p:], o.stride, width, kc)
		}
	} else if whole > 0 {
		packStrips(isa, dst, width, o.data[p*o.stride+i:], o.stride, whole, kc)
	}
	i, lines, dst = i+whole*width, lines-whole*width, dst[whole*width*kc:]
	if lines == 0 {
		return
	}
	if lines < rest {
		clear(dst[:rest*kc])
	}
	if o.contiguous {
		packLines(isa, dst, rest, o.data[i*o.stride+p:], o.stride, lines, kc)
	} else {
		packRows(isa, dst, rest, o.data[p*o.stride+i:], o.stride, lines, kc)
	}
}

// packStrips cuts kc rows into strips of width values.
func packStrips(isa ISA, dst []float32, width int, src []float32, stride, strips, kc int) {
	switch {
	case isa == Go:
		for s := range strips {
			packRows(isa, dst[s*width*kc:], width, src[s*width:], stride, width, kc)
		}
	case width == gemmMR:
		copyStrips12(&dst[0], width*kc, &src[0], stride, strips, kc)
	case width == gemmNR:
		copyStrips64(&dst[0], width*kc, &src[0], stride, strips, kc)
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
	l := 0
	if isa == AVX512 && kc >= 16 {
		q := kc &^ 15
		for ; l+16 <= lines; l += 16 {
			transpose16(&dst[l], w, &src[l*stride], stride, q)
		}
		scatter(dst, w, src, stride, 0, l, q, kc)
	}
	if isa != Go && kc >= 8 {
		first, q := l, kc&^7
		l += (lines - l) &^ 3
		for q0 := 0; q0 < q; q0 += packDepth {
			for i := first; i < l; i += 4 {
				transpose4(&dst[q0*w+i], w, &src[i*stride+q0], stride, min(packDepth, q-q0))
			}
		}
		scatter(dst, w, src, stride, first, l, q, kc)
	}
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

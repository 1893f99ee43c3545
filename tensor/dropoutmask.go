package tensor

import "ranklab/internal/random"

// DropoutMask writes what Dropout does with the elements from offset on: 1 to
// keep where one is kept (and divided by 1-p), 0 where it is dropped.
func (d *Device) DropoutMask(keep []uint8, p float32, key random.Key, offset uint64) {
	m := newMask(p, key)
	var ones [span]float32
	for i := range ones {
		ones[i] = 1
	}
	d.parallel(len(keep), span, func(_, lo, hi int) {
		var dropped [span]float32
		for ; lo < hi; lo += span {
			part := keep[lo:min(lo+span, hi)]
			m.apply(d.isa, dropped[:len(part)], ones[:len(part)], offset+uint64(lo))
			for i := range part {
				part[i] = 0
				if dropped[i] != 0 {
					part[i] = 1
				}
			}
		}
	})
}

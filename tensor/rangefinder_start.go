package tensor

import "ranklab/internal/random"

// StartRows returns what [Device.FindLeft] and [Device.FindRight] draw with key
// for a basis: the rows of their block that the old basis does not fill, or all
// of them where there is none yet (cold). A block as high as the shorter side
// is the identity, and nothing is drawn.
func (d *Device) StartRows(p Panel, cold bool, key random.Key) Matrix {
	short, _, block := p.sizes()
	rows := block - p.Rank
	switch {
	case block == short:
		rows = 0
	case cold:
		rows = block
	}
	x := Of(make([]float32, rows*short), rows, short)
	d.drawRows(x, key)
	return x
}

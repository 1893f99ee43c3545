package models

// DropoutMask writes to keep, (B, T, In) of a linear module, 1 where the adapter
// of l sees its input in a training pass of b, divided by 1 - l.Dropout, and 0
// where it sees zero.
func (m *Llama) DropoutMask(l *Linear, b Batch, keep []uint8) {
	key, first := m.dropoutKey(l, b)
	m.rt.Device.DropoutMask(keep[:b.B*b.T*l.In], l.Dropout, key, first)
}

// Drops reports whether a training pass drops inputs of l.
func (l *Linear) Drops() bool { return l.drops(true) && l.adapting() }

package tensor

// The steps of the base optimizers on moments that are kept in another format
// than float32: block by block, each is widened, updated by the float32 kernel
// and rounded again. With float32 moments they are the plain operations.

// AdamStored is [Device.Adam] on stored moments; m is rounded by rm and v by rv.
func (d *Device) AdamStored(g Matrix, m, v Store, s AdamStep, rm, rv Rounding) {
	if m.Format.Type == Float32 && v.Format.Type == Float32 {
		d.Adam(g, m.Matrix(), v.Matrix(), s)
		return
	}
	d.adamStored(storeArgs{x: g, m: m, v: v, rm: rm, rv: rv, adam: s})
}

// AdamUpdateStored is [Device.AdamUpdate] on stored moments.
func (d *Device) AdamUpdateStored(w, g Matrix, m, v Store, s AdamStep, rm, rv Rounding) {
	if m.Format.Type == Float32 && v.Format.Type == Float32 {
		d.AdamUpdate(w, g, m.Matrix(), v.Matrix(), s)
		return
	}
	checkStore(w, m)
	d.adamStored(storeArgs{w: w, x: g, m: m, v: v, rm: rm, rv: rv, adam: s})
}

// adamStored updates a.w too if it is there.
func (d *Device) adamStored(a storeArgs) {
	checkStore(a.x, a.m)
	checkStore(a.x, a.v)
	d.blockwise(a, func(a *storeArgs, lo, hi int) {
		var first, second [MaxBlock]float32
		g, m, v := a.x.Data[lo:hi], first[:hi-lo], second[:hi-lo]
		a.m.load(m, lo)
		a.v.load(v, lo)
		if a.w.Data == nil {
			a.isa.adam(g, m, v, &a.adam)
		} else {
			a.isa.adamUpdate(a.w.Data[lo:hi], g, m, v, &a.adam)
		}
		a.m.save(m, lo, a.rm)
		a.v.save(v, lo, a.rv)
	})
}

// MomentumStored is [Device.Momentum] on a stored buffer.
func (d *Device) MomentumStored(g Matrix, b Store, mu, lr float32, r Rounding) {
	if b.Format.Type == Float32 {
		d.Momentum(g, b.Matrix(), mu, lr)
		return
	}
	d.firstMomentStored(storeArgs{x: g, m: b, rm: r, keep: mu, factor: lr})
}

// AverageStored is [Device.Average] on a stored average.
func (d *Device) AverageStored(g Matrix, m Store, beta, rest float32, r Rounding) {
	if m.Format.Type == Float32 {
		d.Average(g, m.Matrix(), beta, rest)
		return
	}
	d.firstMomentStored(storeArgs{x: g, m: m, rm: r, keep: beta, factor: rest, mean: true})
}

// firstMomentStored updates the one moment there is. It calls the kernels by name:
// through a variable, the block of each call would be garbage.
func (d *Device) firstMomentStored(a storeArgs) {
	checkStore(a.x, a.m)
	d.blockwise(a, func(a *storeArgs, lo, hi int) {
		var values [MaxBlock]float32
		m := values[:hi-lo]
		a.m.load(m, lo)
		if a.mean {
			a.isa.average(a.x.Data[lo:hi], m, a.keep, a.factor)
		} else {
			a.isa.momentum(a.x.Data[lo:hi], m, a.keep, a.factor)
		}
		a.m.save(m, lo, a.rm)
	})
}

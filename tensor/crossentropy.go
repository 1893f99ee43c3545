package tensor

// lossArgs are the arguments of CrossEntropy.
type lossArgs struct {
	logits  Matrix
	targets []int32
	loss    []float32
	scale   float32
	isa     ISA
}

// CrossEntropy replaces logits by the scaled gradient of their loss:
//
//	loss_n = log Σ_v exp(logits_nv) - logits_n,target
//	logits_n ← scale·(softmax(logits_n) - onehot(target_n))
//
// A row without a target (negative) has loss 0 and gradient 0.
//
//	logits (N, V); targets, loss (N)
func (d *Device) CrossEntropy(logits Matrix, targets []int32, loss []float32, gradientScale float32) {
	checkCrossEntropy(logits, targets, loss)
	a := lossArgs{logits, targets, loss, gradientScale, d.isa}
	spread(d, logits.Rows, rowGrain(logits.Cols), a, func(a *lossArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			x, target := row(a.logits, n), a.targets[n]
			if target < 0 {
				clear(x)
				a.loss[n] = 0
				continue
			}
			var total float32
			a.loss[n], total = a.isa.crossEntropy(x, target)
			a.isa.scale(x, a.scale/total)
			x[target] -= a.scale
		}
	})
}

// CrossEntropyLoss computes the loss of CrossEntropy alone, to the same bits.
// It overwrites logits.
func (d *Device) CrossEntropyLoss(logits Matrix, targets []int32, loss []float32) {
	checkCrossEntropy(logits, targets, loss)
	spread(d, logits.Rows, rowGrain(logits.Cols), lossArgs{logits, targets, loss, 0, d.isa}, func(a *lossArgs, _, lo, hi int) {
		for n := lo; n < hi; n++ {
			a.loss[n] = 0
			if a.targets[n] >= 0 {
				a.loss[n], _ = a.isa.crossEntropy(row(a.logits, n), a.targets[n])
			}
		}
	})
}

// crossEntropy replaces x by exp(x - max x) and returns the loss and the sum.
func (i ISA) crossEntropy(x []float32, target int32) (loss, total float32) {
	t := x[target]
	m, total := i.softmax(x)
	return float32(log64(float64(total)) + (float64(m) - float64(t))), total
}

func checkCrossEntropy(logits Matrix, targets []int32, loss []float32) {
	if len(targets) != logits.Rows || len(loss) != logits.Rows {
		panic("tensor: CrossEntropy shapes")
	}
	for _, v := range targets {
		if int(v) >= logits.Cols {
			panic("tensor: target outside the vocabulary")
		}
	}
}

// Total returns s + Σ x_i in float64, added in order.
func Total(s float64, x []float32) float64 {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

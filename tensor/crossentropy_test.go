package tensor

import (
	"math"
	"testing"
)

func TestCrossEntropy(t *testing.T) {
	const rows, cols, scaleOf = 5, 37, 0.125
	d := newDevice(t, Auto, 2)
	x := drawn("x", rows, cols)
	for i := range row(x, 3) {
		row(x, 3)[i] += 1000 // exp overflows without the maximum
	}
	targets := []int32{0, 36, -1, 17, -100}
	x64 := wide(x)
	f := func() []float64 {
		loss := make([]float64, rows)
		for n, target := range targets {
			if target < 0 {
				continue
			}
			xn, s := x64[n*cols:(n+1)*cols], 0.0
			for _, v := range xn {
				s += math.Exp(v - xn[0])
			}
			loss[n] = math.Log(s) + xn[0] - xn[target]
		}
		return loss
	}
	eval, loss, evalLoss := drawn("x", rows, cols), make([]float32, rows), make([]float32, rows)
	d.Copy(eval, x)
	want := slopes(x64, []float64{scaleOf, scaleOf, scaleOf, scaleOf, scaleOf}, f)
	d.CrossEntropy(x, targets, loss, scaleOf)
	d.CrossEntropyLoss(eval, targets, evalLoss)
	near(t, "loss", Of(loss, 1, rows), f(), 1e-5) // the row near 1000 has lost 7 bits
	near(t, "loss without gradient", Of(evalLoss, 1, rows), wide(Of(loss, 1, rows)), 0)
	near(t, "dlogits", x, want, 1e-5)
	for _, n := range []int{2, 4} {
		for _, v := range row(x, n) {
			if v != 0 || loss[n] != 0 {
				t.Fatalf("row %d has no target: gradient %v, loss %v", n, v, loss[n])
			}
		}
	}
	mustPanic(t, "target", func() { d.CrossEntropy(x, []int32{0, 0, 0, 0, cols}, loss, 1) })
}

// A diverged row shows in its loss.
func TestCrossEntropyNotFinite(t *testing.T) {
	d := newDevice(t, Auto, 1)
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		x, loss := drawn("x", 1, 20), make([]float32, 1)
		x.Data[7] = float32(v)
		d.CrossEntropy(x, []int32{3}, loss, 1)
		if !math.IsNaN(float64(loss[0])) {
			t.Errorf("logit %v: loss %v", v, loss[0])
		}
	}
}

func TestCrossEntropyThreads(t *testing.T) {
	targets := make([]int32, 90)
	for i := range targets {
		targets[i] = int32(i*7) - 20
	}
	onThreads(t, func(d *Device) []Matrix {
		x, loss := drawn("x", 90, 700), make([]float32, 90)
		d.CrossEntropy(x, targets, loss, 0.01)
		return []Matrix{x, Of(loss, 1, 90)}
	})
}

func TestTotal(t *testing.T) {
	if got := Total(2, []float32{1 << 24, 1, -3, 0.5}); got != 1<<24+0.5 {
		t.Errorf("Total %v", got)
	}
}

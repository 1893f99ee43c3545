package tensor

import (
	"math"
	"slices"
	"testing"

	"ranklab/internal/random"
)

func normalMatrix(d *Device, rows, cols int, n int) Matrix {
	m := newMatrix(rows, cols)
	d.FillNormal(m, 1, random.New(9).Step(n))
	return m
}

func closeTo(t *testing.T, what string, got float32, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 3e-6*math.Abs(want)+1e-30 {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// Adam's step and moments against float64, element by element, in both forms.
func TestAdam(t *testing.T) {
	for _, s := range []AdamStep{
		{Beta1: 0.9, Rest1: 0.1, Beta2: 0.999, Rest2: 0.001, Size: 0.01, Correction: 1.5, Eps: 1e-8},
		{Beta1: 0, Rest1: 1, Beta2: 0.5, Rest2: 0.5, Size: 2, Correction: 1, Eps: 0.1},
	} {
		var want []float32
		for _, threads := range []int{1, 3} {
			d := NewDevice(Options{Threads: threads})
			g, m, v := normalMatrix(d, 170, 200, 0), normalMatrix(d, 170, 200, 1), normalMatrix(d, 170, 200, 2)
			d.Mul(v, v)
			g0, m0, v0 := slices.Clone(g.Data), slices.Clone(m.Data), slices.Clone(v.Data)
			d.Adam(g, m, v, s)
			for i := range g0 {
				x := float64(g0[i])
				first := float64(s.Beta1)*float64(m0[i]) + float64(s.Rest1)*x
				second := float64(s.Beta2)*float64(v0[i]) + float64(s.Rest2)*x*x
				if size := math.Abs(float64(m0[i])) + math.Abs(x); math.Abs(float64(m.Data[i])-first) > 1e-6*size {
					t.Fatalf("m: %v, want %v", m.Data[i], first)
				}
				closeTo(t, "v", v.Data[i], second)
				closeTo(t, "step", g.Data[i], float64(s.Size)*float64(m.Data[i])/(math.Sqrt(second)*float64(s.Correction)+float64(s.Eps)))
			}
			got := slices.Concat(g.Data, m.Data, v.Data)
			if want == nil {
				want = got
			} else if !slices.Equal(want, got) {
				t.Error("the result depends on the number of threads")
			}
			d.Close()
		}
	}
}

func TestMomentumAndAverage(t *testing.T) {
	d := NewDevice(Options{Threads: 2})
	defer d.Close()
	g, b := Of([]float32{1, 2}, 1, 2), Of([]float32{10, 20}, 1, 2)
	d.Momentum(g, b, 0.5, 0.25)
	if !slices.Equal(b.Data, []float32{6, 12}) || !slices.Equal(g.Data, []float32{1.5, 3}) {
		t.Errorf("momentum: b %v, step %v", b.Data, g.Data)
	}
	g, m := Of([]float32{1, 2}, 1, 2), Of([]float32{10, 20}, 1, 2)
	d.Average(g, m, 0.5, 0.5)
	if !slices.Equal(m.Data, []float32{5.5, 11}) || !slices.Equal(g.Data, m.Data) {
		t.Errorf("average: m %v, step %v", m.Data, g.Data)
	}
}

// Adafactor's factored moment against float64; a matrix with one row gives
// what the unfactored form gives.
func TestAdafactor(t *testing.T) {
	s := AdafactorStep{Beta: 0.75, Rest: 0.25, Floor: 1e-30}
	for _, shape := range [][2]int{{5, 7}, {70, 300}, {300, 130}, {1, 9}, {9, 1}} {
		var want []float32
		for _, threads := range []int{1, 3} {
			d := NewDevice(Options{Threads: threads})
			rows, cols := shape[0], shape[1]
			g, row, col := normalMatrix(d, rows, cols, 0), normalMatrix(d, 1, rows, 1), normalMatrix(d, 1, cols, 2)
			d.Mul(row, row)
			d.Mul(col, col)
			g0, row0, col0 := slices.Clone(g.Data), slices.Clone(row.Data), slices.Clone(col.Data)
			d.AdafactorFactored(g, row, col, s)
			rowWant, colWant, mean := make([]float64, rows), make([]float64, cols), 0.0
			for i := range rows {
				for j := range cols {
					z := float64(g0[i*cols+j]) * float64(g0[i*cols+j])
					rowWant[i] += 0.25 * z / float64(cols)
					colWant[j] += 0.25 * z / float64(rows)
				}
			}
			for i := range rows {
				rowWant[i] += 0.75 * float64(row0[i])
				mean += rowWant[i] / float64(rows)
				closeTo(t, "row", row.Data[i], rowWant[i])
			}
			for j := range cols {
				colWant[j] += 0.75 * float64(col0[j])
				closeTo(t, "col", col.Data[j], colWant[j])
			}
			for i := range rows {
				for j := range cols {
					closeTo(t, "step", g.Data[i*cols+j], float64(g0[i*cols+j])/(math.Sqrt(rowWant[i]/mean)*math.Sqrt(colWant[j])))
				}
			}
			got := slices.Concat(g.Data, row.Data, col.Data)
			if want == nil {
				want = got
			} else if !slices.Equal(want, got) {
				t.Error("the result depends on the number of threads")
			}
			if rows == 1 {
				full, v := Of(slices.Clone(g0), 1, cols), Of(slices.Clone(col0), 1, cols)
				d.AdafactorFull(full, v, s)
				for j := range cols {
					closeTo(t, "unfactored step", full.Data[j], float64(g.Data[j]))
					closeTo(t, "unfactored moment", v.Data[j], float64(col.Data[j]))
				}
			}
			d.Close()
		}
	}
}

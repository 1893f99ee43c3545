package tensor

import (
	"testing"

	"ranklab/internal/random"
)

// The mask is that of Dropout, wherever it begins, and does not depend on the
// number of threads.
func TestDropoutMask(t *testing.T) {
	key := random.New(5).Stream("dropout")
	const n = 3*span + 5
	for _, offset := range []uint64{0, 1, 1234567} {
		d := newDevice(t, Auto, 3)
		keep := make([]uint8, n)
		d.DropoutMask(keep, 0.3, key, offset)
		kept := 0
		for i, k := range keep {
			want := uint8(1)
			if key.Float32(offset+uint64(i)) < 0.3 {
				want = 0
			}
			if k != want {
				t.Fatalf("offset %d: element %d is %d, not %d", offset, i, k, want)
			}
			kept += int(k)
		}
		if share := float64(kept) / n; share < 0.68 || share > 0.72 {
			t.Errorf("offset %d: %v kept", offset, share)
		}
		one := newDevice(t, Go, 1)
		again := make([]uint8, n)
		one.DropoutMask(again, 0.3, key, offset)
		if string(again) != string(keep) {
			t.Errorf("offset %d: another mask on one thread", offset)
		}
	}
}

// What StartRows says was drawn is what a range finder starts from: with the old
// basis cold the whole block, else what the basis leaves.
func TestStartRows(t *testing.T) {
	d := newDevice(t, Auto, 1)
	key := random.New(1).Stream("range_finder")
	p := Panel{Out: 40, In: 30, Rank: 5}
	cold, warm := d.StartRows(p, true, key), d.StartRows(p, false, key)
	if cold.Rows != 13 || warm.Rows != 8 || cold.Cols != 30 || warm.Cols != 30 {
		t.Fatalf("%d × %d and %d × %d rows", cold.Rows, cold.Cols, warm.Rows, warm.Cols)
	}
	if p.Rank = 25; d.StartRows(p, true, key).Rows != 0 {
		t.Error("a block of the whole side draws nothing")
	}
	x := Of(make([]float32, 13*30), 13, 30)
	f := finding{Device: d, Panel: Panel{Out: 40, In: 30, Rank: 5}, p: Of(make([]float32, 5*30), 5, 30)}
	f.start(x, key)
	for i, v := range x.Data {
		if v != cold.Data[i] {
			t.Fatalf("element %d of a start is %v, not %v", i, v, cold.Data[i])
		}
	}
}

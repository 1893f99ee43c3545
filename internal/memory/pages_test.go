package memory

import "testing"

// TestFloats: whatever pages a buffer lies on, it is zero and all of it is there.
func TestFloats(t *testing.T) {
	for _, n := range []int{0, 1, largeFrom/4 - 1, largeFrom / 4, largeFrom/4 + 1, 3 << 20} {
		s := Floats(n)
		if len(s) != n {
			t.Fatalf("Floats(%d) has %d values", n, len(s))
		}
		for i, x := range s {
			if x != 0 {
				t.Fatalf("Floats(%d)[%d] = %g", n, i, x)
			}
			s[i] = float32(i)
		}
	}
}

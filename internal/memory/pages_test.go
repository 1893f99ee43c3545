package memory

import (
	"runtime"
	"testing"
)

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

// TestFloatsDuringCollection: the collector, which looks at every pointer, may
// run at any moment.
func TestFloatsDuringCollection(t *testing.T) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for i := range 300 {
		if s := Floats(largeFrom/4 + 1000*(i%7)); s[len(s)-1] != 0 {
			t.Error("not zero")
		}
	}
	close(stop)
	<-stopped
}

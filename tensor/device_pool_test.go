package tensor

import (
	"testing"
	"time"
)

// TestLateWakeUp: a worker that did the last part of one operation may be
// interrupted before it looks whether anybody waits, and find that of the next
// operation waiting. Its word does not end that one.
func TestLateWakeUp(t *testing.T) {
	p := &pool{done: make(chan struct{}, 1)}
	p.pending.Store(1)
	returned := make(chan int64, 1)
	go func() {
		p.wait()
		returned <- p.pending.Load()
	}()
	for range 3 { // late words
		for !p.waiting.CompareAndSwap(true, false) {
			select {
			case left := <-returned:
				t.Fatalf("wait returned while %d parts were pending", left)
			case <-time.After(time.Microsecond):
			}
		}
		p.done <- struct{}{}
	}
	if p.pending.Add(-1) == 0 && p.waiting.Load() && p.waiting.CompareAndSwap(true, false) { // as step does
		p.done <- struct{}{}
	}
	if left := <-returned; left != 0 {
		t.Errorf("wait returned while %d parts were pending", left)
	}
}

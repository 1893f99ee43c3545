package corpus

import (
	"context"
	"errors"
	"testing"
	"time"
)

// count produces 0 … n-1 and then fails with err.
func count(n int, err error) func(context.Context, func(int) error) error {
	return func(_ context.Context, yield func(int) error) error {
		for i := range n {
			if err := yield(i); err != nil {
				return err
			}
		}
		return err
	}
}

func TestInOrder(t *testing.T) {
	slowThenFast := func(i int) int {
		time.Sleep(time.Duration(i%3) * 100 * time.Microsecond)
		return i * i
	}
	next := 0
	err := inOrder(context.Background(), count(200, nil), slowThenFast, func(v int) error {
		if v != next*next {
			t.Fatalf("result %d is %d", next, v)
		}
		next++
		return nil
	})
	if err != nil || next != 200 {
		t.Errorf("%d results, error %v", next, err)
	}
}

func TestInOrderStops(t *testing.T) {
	failure := errors.New("failure")
	double := func(i int) int { return 2 * i }

	n := 0
	if err := inOrder(context.Background(), count(50, failure), double, func(int) error { n++; return nil }); err != failure || n != 50 {
		t.Errorf("failing producer: error %v after %d results", err, n)
	}
	n = 0
	err := inOrder(context.Background(), count(1<<30, nil), double, func(int) error {
		if n++; n == 10 {
			return failure
		}
		return nil
	})
	if err != failure || n != 10 {
		t.Errorf("failing consumer: error %v after %d results", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n = 0
	err = inOrder(ctx, count(1<<30, nil), double, func(int) error {
		if n++; n == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

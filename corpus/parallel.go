package corpus

import (
	"context"
	"runtime"
	"sync"
)

// inOrder applies work to each job on all cores and hands the results to
// consume in the order of the jobs, on the caller's goroutine. A bounded number
// of jobs is in flight. The first error, of produce or consume, ends it.
func inOrder[J, R any](ctx context.Context, produce func(ctx context.Context, yield func(J) error) error, work func(J) R, consume func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type task struct {
		job    J
		result chan R
	}
	workers := runtime.GOMAXPROCS(0)
	tasks := make(chan task)
	ordered := make(chan task, 8*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for t := range tasks {
				t.result <- work(t.job)
			}
		})
	}
	var produceErr error
	wg.Go(func() {
		defer close(ordered)
		defer close(tasks)
		produceErr = produce(ctx, func(job J) error {
			t := task{job, make(chan R, 1)}
			for _, to := range [...]chan task{ordered, tasks} {
				select {
				case to <- t:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	var consumeErr error
	for t := range ordered {
		if consumeErr != nil {
			continue
		}
		select {
		case r := <-t.result:
			if consumeErr = consume(r); consumeErr != nil {
				cancel()
			}
		case <-ctx.Done():
			consumeErr = ctx.Err()
		}
	}
	wg.Wait()
	if consumeErr != nil {
		return consumeErr // then produce was only told to stop
	}
	return produceErr
}

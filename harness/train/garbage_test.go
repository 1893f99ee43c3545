package train

import (
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"ranklab/corpus"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/tensor"
)

// TestNoGarbage: after warm-up an update allocates nothing, with either sink,
// for each method between its merges and resets; GaLore's range finder
// refreshes meanwhile. The heap counters
// are those of the process, in which the runtime may allocate once in a while:
// one quiet round of 20 updates in a few is enough.
//
// The runtime allocates the record of a goroutine that waits on a channel, as
// idle workers do, and caches it on the processor on which the goroutine wakes
// up, until the next collection. So that the caches never run dry there are
// many such records and no collection.
func TestNoGarbage(t *testing.T) {
	const updates, rounds = 20, 5
	set, base := tiny(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	waitInCrowd(2000)
	for name, change := range variants() {
		for sink, accumulate := range map[string]bool{"layerwise": false, "accumulating": true} {
			t.Run(name+"/"+sink, func(t *testing.T) {
				s := base
				change(&s)
				const never = 1000
				s.Train.Steps = 2 * never
				s.Model.HiddenSize, s.Model.IntermediateSize = 64, 96 // large enough for two threads
				s.Train.TotalBatchSize, s.Train.BatchSize, s.Train.MaxLength = 16, 16, 64
				s.Train.Layerwise = !accumulate
				if accumulate {
					s.Train.BatchSize, s.Train.GradClipping = 8, 1
				}
				s.Method.WeightDecay = 0.1
				if s.Method.UpdateProjGap > 0 {
					s.Method.UpdateProjGap = 7
					s.Method.Projector = "range_finder"
				}
				if s.Method.MergeEvery > 0 {
					s.Method.MergeEvery, s.Method.CycleLength, s.Method.FullRankSteps = never, never, 0
				}
				d := tensor.NewDevice(tensor.Options{Threads: 2})
				defer d.Close()
				r, err := assemble(s, d, memory.New(), 0)
				if err != nil {
					t.Fatal(err)
				}
				order := corpus.Order{Key: random.New(1), N: set.Train.Sequences(s.Data.Packing, s.Train.MaxLength)}
				train := func(from, to int) {
					for u := from; u < to; u++ {
						if _, _, err := r.update(u, r.fill(set.Train, order, u)); err != nil {
							t.Fatal(err)
						}
					}
				}
				train(0, 5) // the first updates make boxes
				least := ^uint64(0)
				for round := 0; round < rounds && least > 0; round++ {
					least = min(least, mallocs(func() { train(5+updates*round, 5+updates*(round+1)) }))
				}
				if least != 0 {
					t.Errorf("%d allocations in %d updates", least, updates)
				}
			})
		}
	}
}

// mallocs returns the number of allocations while f runs.
func mallocs(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// waitInCrowd lets n goroutines wait on a channel at the same time.
func waitInCrowd(n int) {
	var waiting, done sync.WaitGroup
	gate := make(chan struct{})
	for range n {
		waiting.Add(1)
		done.Go(func() {
			waiting.Done()
			<-gate
		})
	}
	waiting.Wait()
	for range 10 * runtime.GOMAXPROCS(0) {
		runtime.Gosched() // the last ones reach the gate
	}
	close(gate)
	done.Wait()
}

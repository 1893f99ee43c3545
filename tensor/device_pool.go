package tensor

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A task is work in numbered parts that any worker can do in any order.
type task interface{ do(worker, part int) }

// A pool runs the parts of one task at a time on the caller's goroutine
// (worker 0) and on persistent ones. Parts are claimed one by one, so a worker
// that wakes up late, or never, costs balance and not correctness.
//
// The word `claims` holds the number of the current call in its upper half and
// the parts left to claim in its lower half. A worker that has claimed a part
// may read `task` and `parts`: the caller overwrites them only after all
// claimed parts are done.
//
// Idle workers spin for a while, since the next call is usually a few
// microseconds away, then park on their channel.
type pool struct {
	claims  atomic.Uint64
	_       [56]byte // claims and pending on their own cache lines
	pending atomic.Int64
	_       [56]byte

	task  task
	parts int

	busy    atomic.Bool
	waiting atomic.Bool // the caller is parked on done
	closed  atomic.Bool
	done    chan struct{}
	workers []poolWorker // worker i+1
	exited  sync.WaitGroup
}

type poolWorker struct {
	parked atomic.Bool
	wake   chan struct{}
	_      [48]byte
}

// Spinning: rounds of a few polls with a call of the scheduler in between, so
// that more workers than cores make progress.
const (
	spinRounds = 200
	spinPolls  = 64
)

func newPool(threads int) *pool {
	p := &pool{done: make(chan struct{}, 1), workers: make([]poolWorker, threads-1)}
	for i := range p.workers {
		p.workers[i].wake = make(chan struct{}, 1)
		p.exited.Go(func() { p.work(i + 1) })
	}
	return p
}

const nested = "tensor: a device runs one operation at a time, and operations do not nest"

// run does parts 0 … parts-1 of t and returns when all are done.
func (p *pool) run(parts int, t task) {
	if !p.busy.CompareAndSwap(false, true) {
		panic(nested)
	}
	if p.closed.Load() {
		panic("tensor: use of a closed device")
	}
	p.task, p.parts = t, parts
	p.pending.Store(int64(parts))
	call := p.claims.Load()>>32 + 1
	p.claims.Store(call<<32 | uint64(parts))
	wanted := parts - 1
	for i := range p.workers {
		if wanted == 0 {
			break
		}
		w := &p.workers[i]
		if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
		wanted--
	}
	for p.step(0) {
	}
	p.wait()
	p.task = nil
	p.busy.Store(false)
}

// step claims a part and does it. It reports whether there was one.
func (p *pool) step(worker int) bool {
	for {
		c := p.claims.Load()
		left := int(uint32(c))
		if left == 0 {
			return false
		}
		if !p.claims.CompareAndSwap(c, c-1) {
			continue
		}
		p.task.do(worker, p.parts-left)
		if p.pending.Add(-1) == 0 && p.waiting.Load() && p.waiting.CompareAndSwap(true, false) {
			p.done <- struct{}{}
		}
		return true
	}
}

// wait returns when no part is pending.
func (p *pool) wait() {
	for range spinRounds {
		for range spinPolls {
			if p.pending.Load() == 0 {
				return
			}
			pause()
		}
		runtime.Gosched()
	}
	for p.pending.Load() != 0 {
		p.waiting.Store(true)
		if p.pending.Load() == 0 && p.waiting.CompareAndSwap(true, false) {
			return
		}
		// The word may be late: of a worker that did the last part of the
		// operation before this one and was interrupted then.
		<-p.done
	}
}

// work is the life of a persistent worker.
func (p *pool) work(worker int) {
	w := &p.workers[worker-1]
	for {
		for p.step(worker) {
		}
		if p.spin() {
			continue
		}
		w.parked.Store(true)
		if (p.idle() && !p.closed.Load()) || !w.parked.CompareAndSwap(true, false) {
			<-w.wake
		}
		if p.closed.Load() {
			return
		}
	}
}

// spin polls for a part to claim and reports whether one has come.
func (p *pool) spin() bool {
	for range spinRounds {
		for range spinPolls {
			if !p.idle() {
				return true
			}
			pause()
		}
		runtime.Gosched()
	}
	return false
}

func (p *pool) idle() bool { return uint32(p.claims.Load()) == 0 }

func (p *pool) close() {
	if !p.closed.CompareAndSwap(false, true) {
		return
	}
	for i := range p.workers {
		if p.workers[i].parked.CompareAndSwap(true, false) {
			p.workers[i].wake <- struct{}{}
		}
	}
	p.exited.Wait()
}

package tensor

import (
	"fmt"
	"runtime"
	"sync/atomic"
)

// A Device executes the operations: a number of threads, an instruction set and
// the scratch memory of the matrix products. It is used from one goroutine at a
// time, and its operations do not nest.
type Device struct {
	threads int
	isa     ISA
	pool    *pool // nil: one thread
	scratch []gemmScratch

	boxes   []any          // a *box per type of the arguments of spread
	gemms   gemmTask       // the arguments of Gemm, kept here so that they cost no allocation
	partial [parts]float64 // of Dot
	count   atomic.Int64   // of Finite and the prunings
}

// Options select how a [Device] executes.
type Options struct {
	Threads int // 0: runtime.GOMAXPROCS(0); may exceed the number of cores
	ISA     ISA // Auto: the fastest; must be one of [Supported]
}

// NewDevice starts a device: the caller's goroutine and Threads-1 workers. It
// panics on an instruction set that the CPU lacks; [ParseISA] reports that as
// an error. [Device.Close] stops the workers.
func NewDevice(o Options) *Device {
	if o.Threads < 0 {
		panic(fmt.Sprintf("tensor: %d threads", o.Threads))
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	d := &Device{threads: o.Threads, isa: o.ISA.resolve(), scratch: make([]gemmScratch, o.Threads)}
	for i := range d.scratch {
		d.scratch[i] = newGemmScratch()
	}
	if d.threads > 1 {
		d.pool = newPool(d.threads)
	}
	return d
}

// Threads returns the number of workers, the caller's goroutine included.
func (d *Device) Threads() int { return d.threads }

// ISA returns the instruction set, never [Auto].
func (d *Device) ISA() ISA { return d.isa }

// ScratchBytes returns the bytes of all packing buffers of the device. They are
// allocated in [NewDevice]; their size depends on the number of threads only.
func (d *Device) ScratchBytes() int64 {
	return int64(d.threads) * gemmScratchBytes
}

// Close stops the workers. The device must not be used afterwards; closing it
// again does nothing.
func (d *Device) Close() {
	if d.pool != nil {
		d.pool.close()
	}
}

package plan

// What a process needs beyond the buffers that its run registers. Measured
// peaks lie up to a tenth above them, for what is allocated only now and then,
// and a few tens of MB for the program, the Go runtime and the pages of the
// corpus that were read.
const (
	processShare = 1.10
	processBytes = 64 << 20
)

// Need is the memory to be had for a process whose run registers some bytes.
func Need(registered int64) int64 { return int64(processShare*float64(registered)) + processBytes }

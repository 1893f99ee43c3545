package plan

// What a process needs beyond the buffers that its run registers: a few tens of
// MB for the program, the Go runtime and the pages of the corpus that were read,
// and a margin of a tenth, the one that measured peaks are held to. (They lie 1
// to 2 % above the buffers of a large model.)
const (
	processShare = 1.10
	processBytes = 64 << 20
)

// Need is the memory to be had for a process whose run registers some bytes.
func Need(registered int64) int64 { return int64(processShare*float64(registered)) + processBytes }

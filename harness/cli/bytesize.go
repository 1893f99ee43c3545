package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ranklab/internal/machine"
)

// A byteSize is a number of bytes on the command line: "8GiB", "1.5 GB", "800M".
type byteSize int64

// UnmarshalText implements [encoding.TextUnmarshaler]. As Slurm does, a single
// letter means a power of 1024, and so does one followed by iB.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	end := strings.LastIndexAny(s, "0123456789.") + 1
	unit := strings.ToUpper(strings.TrimSpace(s[end:]))
	factor, ok := byteUnits()[unit]
	v, err := strconv.ParseFloat(s[:end], 64)
	if err != nil || !ok || !(v*factor >= 1) || v*factor >= math.MaxInt64 {
		return fmt.Errorf("%q is no size: write a number and K, M, G or T (powers of 1024: also KiB …), or KB, MB, GB, TB (powers of 1000)", s)
	}
	*b = byteSize(v * factor)
	return nil
}

func byteUnits() map[string]float64 {
	units := map[string]float64{"": 1, "B": 1}
	binary, decimal := 1.0, 1.0
	for _, letter := range []string{"K", "M", "G", "T"} {
		binary, decimal = 1024*binary, 1000*decimal
		units[letter], units[letter+"IB"], units[letter+"B"] = binary, binary, decimal
	}
	return units
}

// memory returns what the runs may use together; 0 is unknown.
func (b executionArg) memory() int64 {
	if b.Memory > 0 {
		return int64(b.Memory)
	}
	return machine.ReadMemory().Usable()
}

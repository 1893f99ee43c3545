package cli

import (
	"math"
	"strings"
	"testing"
)

// FuzzByteSize: a size is a number of bytes, from 1 on.
func FuzzByteSize(f *testing.F) {
	for _, text := range []string{"8GiB", "1.5 GB", "800M", "0", "-1", "1e400", "nan", "inf", "9223372036854775807", "9223372036854775808", "8388608T", ".", "1..2", "", "0x10", "1_000", "１"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b byteSize
		if err := b.UnmarshalText([]byte(text)); err != nil {
			return
		}
		if b < 1 || !strings.ContainsAny(text, "0123456789") || float64(b) >= math.MaxInt64 {
			t.Fatalf("%q is %d", text, b)
		}
	})
}

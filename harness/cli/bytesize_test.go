package cli

import "testing"

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"8GiB": 8 << 30, "8G": 8 << 30, "8 gib": 8 << 30, "1.5M": 3 << 19, "2GB": 2e9, "500KB": 500e3, "1024": 1024, "7B": 7, "1T": 1 << 40,
		"": 0, "G": 0, "-1G": 0, "8 parsecs": 0, "0": 0, "1e30G": 0, "9999999999T": 0, "1..2G": 0,
	} {
		var b byteSize
		if err := b.UnmarshalText([]byte(text)); int64(b) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, b, err, want)
		}
	}
}

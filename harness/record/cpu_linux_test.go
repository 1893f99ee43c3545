package record

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCPUInfo(t *testing.T) {
	x86 := "processor\t: 0\nmodel name\t: Some CPU @ 2.10GHz\nflags\t\t: fpu sse4_2 avx2 fma avx512f\n\nprocessor\t: 1\nmodel name\t: Other\n"
	if d := cmp.Diff(CPU{Model: "Some CPU @ 2.10GHz", Features: []string{"avx2", "avx512f", "fma", "sse4_2"}}, parseCPUInfo([]byte(x86))); d != "" {
		t.Errorf("x86 (-want +got):\n%s", d)
	}
	arm := "processor\t: 0\nFeatures\t: fp asimd sve bf16\nCPU part\t: 0xd40\n"
	if d := cmp.Diff(CPU{Model: "arm64 part 0xd40", Features: []string{"asimd", "bf16", "sve"}}, parseCPUInfo([]byte(arm))); d != "" {
		t.Errorf("arm64 (-want +got):\n%s", d)
	}
	if got := parseCPUInfo(nil); got.Model != "unknown" {
		t.Errorf("empty file: %+v", got)
	}
}

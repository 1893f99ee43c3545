package record

import (
	"bytes"
	"os"
	"slices"
	"strings"
)

// readCPU reads the first processor of /proc/cpuinfo, a Linux-only file.
func readCPU() CPU {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return CPU{Model: "unknown"}
	}
	return parseCPUInfo(data)
}

// parseCPUInfo understands the files of x86 ("model name", "flags") and of
// arm64 ("CPU part", "Features").
func parseCPUInfo(data []byte) CPU {
	first, _, _ := bytes.Cut(data, []byte("\n\n"))
	cpu := CPU{Model: "unknown"}
	for line := range strings.Lines(string(first)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "model name":
			cpu.Model = value
		case "CPU part":
			if cpu.Model == "unknown" {
				cpu.Model = "arm64 part " + value
			}
		case "flags", "Features":
			for feature := range strings.FieldsSeq(value) {
				if isVector(feature) {
					cpu.Features = append(cpu.Features, feature)
				}
			}
			slices.Sort(cpu.Features)
		}
	}
	return cpu
}

func isVector(feature string) bool {
	for _, prefix := range []string{"sse4", "avx", "amx", "fma", "f16c", "asimd", "sve", "sme", "bf16", "i8mm"} {
		if strings.HasPrefix(feature, prefix) {
			return true
		}
	}
	return false
}

package record

import "golang.org/x/sys/unix"

// readCPU asks the kernel of macOS.
func readCPU() CPU {
	model, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return CPU{Model: "unknown"}
	}
	return CPU{Model: model}
}

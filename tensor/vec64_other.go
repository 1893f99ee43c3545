//go:build !amd64 || noasm

package tensor

func rank2x512(row, x, y, z *float64, n int, a, b float64) float64 { panic(noKernels) }
func rank2x256(row, x, y, z *float64, n int, a, b float64) float64 { panic(noKernels) }
func turnRows512(top *float64, stride int, cs *float64, n int)     { panic(noKernels) }
func turnRows256(top *float64, stride int, cs *float64, n int)     { panic(noKernels) }

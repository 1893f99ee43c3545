//go:build amd64 && !noasm

package tensor

//go:noescape
func rank2x512(row, x, y, z *float64, n int, a, b float64) float64

//go:noescape
func rank2x256(row, x, y, z *float64, n int, a, b float64) float64

// turnRows512 turns 32 columns, turnRows256 turns 16; stride in bytes.
//
//go:noescape
func turnRows512(top *float64, stride int, cs *float64, n int)

//go:noescape
func turnRows256(top *float64, stride int, cs *float64, n int)

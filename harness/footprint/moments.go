package footprint

// stateElements counts the values that the base optimizer keeps for a
// (rows, cols) tensor: two moments (adamw, adamw8bit), one (sgd), or a row and a column
// (adafactor), which for a vector is one moment, and a first moment if asked.
func (m Method) stateElements(rows, cols int64) int64 {
	n := rows * cols
	switch m.optimizer() {
	case "sgd":
		return n
	case "adafactor":
		second := rows + cols
		if min(rows, cols) == 1 {
			second = n
		}
		if m.Momentum {
			return second + n
		}
		return second
	}
	return 2 * n
}

// Storage of 8-bit moments.
const (
	smallTensor = 4096  // elements below which a tensor keeps float32 moments
	constants   = 2 * 4 // bytes per block: the largest |M| and the largest V, in float32
)

// basisBytes returns the bytes of a basis of n values: 2 each, or those of codes
// and the constants of their blocks.
func (m Method) basisBytes(n int64) int64 {
	const block, constants = 256, 4 + 1 // the scale in float32 and a code, the zero point
	blocks := (n + block - 1) / block
	switch m.ProjectorDtype {
	case "int8":
		return n + constants*blocks
	case "int4":
		return (n+1)/2 + constants*blocks
	}
	return 2 * n
}

// stateBytes returns the bytes of the state of a tensor: 2 per value, or those
// of 8-bit moments.
func (m Method) stateBytes(rows, cols int64) int64 {
	n, block := rows*cols, m.block()
	switch {
	case block == 0:
		return 2 * m.stateElements(rows, cols)
	case n < smallTensor:
		return 2 * 4 * n
	}
	return 2*n + constants*((n+block-1)/block)
}

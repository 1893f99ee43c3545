package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// stateDigest is the SHA-256 of all weights and states in order, as two
// safetensors files hold them: two runs with the same digest are in the same
// state, bit for bit.
func (r *runner) stateDigest() (string, error) {
	h := sha256.New()
	for _, ts := range [][]safetensors.Tensor{r.weights(), r.state()} {
		if err := safetensors.Write(h, nil, ts); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// shownDigits is how much of a tensor's digest a row shows.
const shownDigits = 8

// digestRow returns the digests of the run as it stands. The digest of a
// tensor is the SHA-256 of its name, type and shape, each followed by a zero
// byte, and of its data; that of all weights or states is the SHA-256 of theirs
// in order.
func (r *runner) digestRow(step int) (record.DigestRow, error) {
	row := record.DigestRow{Step: step}
	buf := make([]byte, safetensors.BufferBytes)
	for _, part := range []struct {
		all     *string
		tensors []safetensors.Tensor
	}{{&row.Weights, r.weights()}, {&row.State, r.state()}} {
		all, one := sha256.New(), sha256.New()
		for _, t := range part.tensors {
			one.Reset()
			fmt.Fprintf(one, "%s\x00%s\x00%v\x00", t.Name, t.DType, t.Shape)
			if err := safetensors.WriteData(one, t, buf); err != nil {
				return row, err
			}
			sum := one.Sum(nil)
			all.Write(sum)
			row.Tensors = append(row.Tensors, hex.EncodeToString(sum)[:shownDigits])
		}
		*part.all = hex.EncodeToString(all.Sum(nil))
	}
	return row, nil
}

// TensorNames lists the tensors of a run after a number of updates, in the order
// of [record.DigestRow.Tensors]. It allocates none of them.
func TensorNames(s spec.Run, device *tensor.Device, updates int) ([]string, error) {
	r, err := assemble(s, device, memory.Predict(), updates)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ts := range [][]safetensors.Tensor{r.weights(), r.state()} {
		for _, t := range ts {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

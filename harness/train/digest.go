package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

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

// tensorDigest returns the SHA-256 of a tensor's name, type and shape, each
// followed by a zero byte, and of its data.
func tensorDigest(h hash.Hash, t safetensors.Tensor, buf []byte) ([]byte, error) {
	h.Reset()
	fmt.Fprintf(h, "%s\x00%s\x00%v\x00", t.Name, t.DType, t.Shape)
	err := safetensors.WriteData(h, t, buf)
	return h.Sum(nil), err
}

// digestRow returns the digests of the run as it stands: those of its tensors,
// and the SHA-256 of those of all weights, and of all states, in order.
func (r *runner) digestRow(step int) (record.DigestRow, error) {
	row := record.DigestRow{Step: step}
	buf := make([]byte, safetensors.BufferBytes)
	one := sha256.New()
	for _, part := range []struct {
		all     *string
		tensors []safetensors.Tensor
	}{{&row.Weights, r.weights()}, {&row.State, r.state()}} {
		all := sha256.New()
		for _, t := range part.tensors {
			sum, err := tensorDigest(one, t, buf)
			if err != nil {
				return row, err
			}
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

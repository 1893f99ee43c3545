package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/internal/safetensors"
	"ranklab/models"
)

const (
	evidenceDigits = 32      // of a tensor's digest
	hashedOrder    = 1 << 20 // sequences of the order whose indices are hashed
	hashedText     = 64      // of them, those whose tokens are hashed too
)

// evidence digests what the run starts from and is fed with. Only a run that is
// about to begin still has its initial weights.
func (t *training) evidence() (record.Evidence, error) {
	e := record.Evidence{
		Order: t.orderEvidence(),
		Eval:  record.EvalSet{Digest: t.eval.Digest, Sequences: t.eval.Sequences, Targets: int64(t.eval.Targets), Bytes: t.eval.Bytes},
	}
	if t.at.Step > 0 {
		return e, nil
	}
	var err error
	e.Init, e.Own, err = t.initialWeights()
	return e, err
}

// initialWeights digests every weight: the tensors that the dense model has under
// the same name, and apart from them those that the method added.
func (r *runner) initialWeights() (model, own map[string]string, err error) {
	dense := make(map[string]bool)
	for _, p := range models.New(r.spec.Model.Config).Params() {
		dense[p.Name] = true
	}
	model, own = make(map[string]string), make(map[string]string)
	h, buf := sha256.New(), make([]byte, safetensors.BufferBytes)
	for _, t := range r.weights() {
		sum, err := tensorDigest(h, t, buf)
		if err != nil {
			return nil, nil, err
		}
		digest := hex.EncodeToString(sum)[:evidenceDigits]
		if dense[t.Name] {
			model[t.Name] = digest
		} else {
			own[t.Name] = digest
		}
	}
	return model, own, nil
}

// orderEvidence hashes the order of the sequences that the run reads, with a
// digest for every power of two, so that runs of different length compare as far
// as both go. A sequence enters with its index; the first few also with their
// tokens and targets, which shows that the indices mean the same text.
func (t *training) orderEvidence() record.Order {
	s := t.Spec
	o := record.Order{Sequences: int64(t.order.N), Read: int64(s.Train.Steps) * int64(s.Train.TotalBatchSize)}
	n := int(min(o.Read, hashedOrder))
	h := sha256.New()
	tokens, targets := make([]int32, s.Train.MaxLength), make([]int32, s.Train.MaxLength)
	var b []byte
	for i := range n {
		seq := t.order.At(i)
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(seq))
		if i < hashedText {
			b = appendSequence(b, t.Data.Train, s.Data.Packing, seq, tokens, targets)
		}
		h.Write(b)
		if read := i + 1; read&(read-1) == 0 || read == n {
			o.Prefixes = append(o.Prefixes, record.OrderDigest{Sequences: int64(read), Digest: hex.EncodeToString(h.Sum(nil))[:evidenceDigits]})
		}
	}
	return o
}

func appendSequence(b []byte, data corpus.Split, packing string, seq int, tokens, targets []int32) []byte {
	data.Sequence(packing, len(tokens), seq, tokens, targets)
	for i := range tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(tokens[i]))
		b = binary.LittleEndian.AppendUint32(b, uint32(targets[i]))
	}
	return b
}

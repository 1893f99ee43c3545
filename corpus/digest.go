package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"ranklab/corpus/source"
)

// measure collects sizes and digests of the documents kept.
type measure struct {
	all, train, val hash.Hash
	documents       [2]int // train, val
	bytes           [2]int64
	frame           []byte
}

func newMeasure() *measure {
	return &measure{all: sha256.New(), train: sha256.New(), val: sha256.New()}
}

// add enters a document that belongs to a split.
func (m *measure) add(d source.Document, part source.Part) {
	m.frame = append(append(m.frame[:0], d.Name...), 0)
	m.frame = append(strconv.AppendInt(m.frame, int64(len(d.Text)), 10), 0)
	split, i := m.train, 0
	if part == source.Validation {
		split, i = m.val, 1
	}
	for _, h := range [...]hash.Hash{m.all, split} {
		h.Write(m.frame)
		h.Write(d.Text)
	}
	m.documents[i]++
	m.bytes[i] += int64(len(d.Text))
}

// enter writes sizes and digests into a manifest.
func (m *measure) enter(f *Manifest) {
	f.Documents.Kept = m.documents[0] + m.documents[1]
	f.Bytes = m.bytes[0] + m.bytes[1]
	f.Train = SplitInfo{Documents: m.documents[0], Bytes: m.bytes[0]}
	f.Val = SplitInfo{Documents: m.documents[1], Bytes: m.bytes[1]}
	f.TextDigest, f.TrainDigest, f.ValDigest = sum(m.all), sum(m.train), sum(m.val)
	f.Digest = digestOf("ranklab data", f.TrainDigest, f.ValDigest)
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// digestOf hashes a list of values, each printed on a line of its own.
func digestOf(values ...any) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%v\n", v)
	}
	return sum(h)
}

// choose assigns a document to a split by a hash of its identity: its name, or
// its text where the source says so.
func choose(d source.Document, textHash [sha256.Size]byte, valFraction float64) source.Part {
	if d.Part != source.Any {
		return d.Part
	}
	h := textHash
	if !d.ByText {
		h = sha256.Sum256([]byte(d.Name))
	}
	if float64(binary.BigEndian.Uint64(h[:])>>11)*0x1p-53 < valFraction {
		return source.Validation
	}
	return source.Train
}

package record

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// An Evidence is the content of evidence.json: digests of what a run started
// from and was fed with, so that runs can be compared without their weights and
// their data. It is written at the start of a run, and deterministic.
type Evidence struct {
	Schema int `json:"schema"`
	// Init holds the digest of each initial tensor of the dense model that the run
	// has, by name, as a [DigestRow] defines it, shortened to 32 digits. A run that
	// was already under way when records began to hold it has none.
	Init map[string]string `json:"init,omitempty"`
	// Own is the same of tensors that the method added: adapters and factors.
	Own   map[string]string `json:"own,omitempty"`
	Order Order             `json:"order"`
	Eval  EvalSet           `json:"eval"`
}

// An Order identifies the sequences that a run reads, in order.
type Order struct {
	Sequences int64 `json:"sequences"` // of the training split
	Read      int64 `json:"read"`      // by the run, with repetition
	// Prefixes hold the SHA-256 over the index of each of the first sequences, and
	// over the tokens and targets of the first few, for 1, 2, 4, 8, … sequences
	// and for all that were hashed: runs of different length share the shorter
	// ones.
	Prefixes []OrderDigest `json:"prefixes"`
}

// An OrderDigest is the digest of the first sequences of an order.
type OrderDigest struct {
	Sequences int64  `json:"sequences"`
	Digest    string `json:"digest"`
}

// Prefix returns the digest of the first n sequences, if it is recorded.
func (o Order) Prefix(n int64) (digest string, ok bool) {
	for _, p := range o.Prefixes {
		if p.Sequences == n {
			return p.Digest, true
		}
	}
	return "", false
}

// An EvalSet identifies the evaluation set of a run.
type EvalSet struct {
	Digest    string `json:"digest"` // SHA-256 over all tokens and targets
	Sequences int    `json:"sequences"`
	Targets   int64  `json:"targets"`
	Bytes     int64  `json:"bytes"` // of the text that the targets stand for
}

// Evidence writes evidence.json. Of a run that carries on, e has no initial
// weights, and what the run wrote at its start stays.
func (w *Writer) Evidence(e Evidence) error {
	path := filepath.Join(w.dir, evidenceFile)
	if e.Init == nil {
		var have Evidence
		var damaged *damagedError
		switch err := readJSON(path, &have); {
		case err == nil:
			return nil
		case errors.As(err, &damaged):
			if err := setAside(path); err != nil {
				return err
			}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	e.Schema = Schema
	return writeJSON(path, e)
}

package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/internal/bounded"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/tensor"
)

// Identify returns the digests that the ids of a run are made of: those of its
// corpus and, if it starts from imported weights, that of their content, for
// which all of them are read.
func Identify(s spec.Run, set *corpus.Set) (spec.Digests, error) {
	d := Digests(set)
	var err error
	d.Init, err = InitDigest(s)
	return d, err
}

// InitDigest returns the digest of the weights that a run starts from, "" if it
// draws them.
func InitDigest(s spec.Run) (digest string, err error) {
	if s.Init.From == "" {
		return "", nil
	}
	w, err := openInitial(s)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if digest, err = w.Digest(); err != nil {
		return "", fmt.Errorf("init.from: %w", err)
	}
	return digest, nil
}

// ManifestFile is the file that ranklab puts beside weights it exports.
const ManifestFile = "ranklab.json"

// InitTokenizer returns the digest of the tokenizer that imported weights were
// trained with, "" where their folder does not say.
func InitTokenizer(s spec.Run) string {
	var m struct {
		Digest string `json:"tokenizer_digest"`
	}
	text, err := bounded.ReadFile(filepath.Join(s.Init.From, ManifestFile), maxMetaBytes)
	if err != nil || json.Unmarshal(text, &m) != nil {
		return "" // weights of another program have none
	}
	return m.Digest
}

func openInitial(s spec.Run) (*models.HFWeights, error) {
	w, err := models.OpenHF(s.Init.From, s.Model.Config)
	if err != nil {
		return nil, fmt.Errorf("init.from: %w", err)
	}
	return w, nil
}

// assembleFresh is assemble for the start of a run: dense weights are imported
// if init.from says so. They replace the draws before the method changes the
// model, so that what it adds or derives is the same as ever: adapters are drawn
// beside imported weights, spectral factors are taken from them. Weights that
// are kept in bfloat16 are rounded to nearest, as draws are.
func assembleFresh(s spec.Run, device *tensor.Device, ledger *memory.Ledger) (*runner, error) {
	model := models.New(s.Model.Config)
	if s.Init.From == "" {
		return assembleFrom(model, s, device, ledger, 0)
	}
	w, err := openInitial(s)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	w.Initialise(model)
	r, err := assembleFrom(model, s, device, ledger, 0)
	if err != nil {
		return nil, err
	}
	if err := w.Err(); err != nil {
		return nil, fmt.Errorf("init.from: %w", err)
	}
	return r, nil
}

package bpe

import (
	"encoding/json"
	"fmt"

	"ranklab/internal/atomicfile"
	"ranklab/internal/bounded"
)

const formatName = "ranklab-bpe"

// maxFileBytes bounds a vocabulary's file: MaxVocab merges take half a MiB.
const maxFileBytes = 4 << 20

// file is the JSON form of a vocabulary.
type file struct {
	Format         string     `json:"format"`
	TrainerVersion int        `json:"trainer_version"`
	VocabSize      int        `json:"vocab_size"`
	Text           string     `json:"text"`   // digest of the training text; for the reader, not part of the identity
	Digest         string     `json:"digest"` // see Tokenizer.Digest
	Merges         [][2]int32 `json:"merges"`
}

// Save writes the vocabulary to path, atomically. text is the digest of the
// text it was trained on.
func (t *Tokenizer) Save(path, text string) error {
	f := file{formatName, TrainerVersion, t.size, text, t.digest, make([][2]int32, len(t.merges))}
	for i, m := range t.merges {
		f.Merges[i] = [2]int32{m.Left, m.Right}
	}
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(data, '\n'))
}

// Load reads a vocabulary and checks it against its own digest.
func Load(path string) (*Tokenizer, error) {
	data, err := bounded.ReadFile(path, maxFileBytes)
	if err != nil {
		return nil, err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if f.Format != formatName || f.TrainerVersion != TrainerVersion {
		return nil, fmt.Errorf("%s: not a vocabulary of this version (%s %d)", path, formatName, TrainerVersion)
	}
	merges := make([]Merge, len(f.Merges))
	for i, m := range f.Merges {
		merges[i] = Merge{m[0], m[1]}
	}
	t, err := New(f.VocabSize, merges)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if t.digest != f.Digest {
		return nil, fmt.Errorf("%s: the merges do not match the digest: the file is damaged", path)
	}
	return t, nil
}

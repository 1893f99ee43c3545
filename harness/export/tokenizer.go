package export

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"ranklab/corpus"
	"ranklab/corpus/bpe"
	"ranklab/corpus/sentencepiece"
	"ranklab/harness/spec"
)

// The files of a tokenizer, by the names that transformers looks for.
const (
	tokenizerFile       = "tokenizer.json"
	spieceFile          = "spiece.model" // a SentencePiece model
	tokenizerConfigFile = "tokenizer_config.json"
)

// specials returns the ids of the tokens that end a document and fill a
// sequence; nil where they are not known.
func specials(s spec.Run, set *corpus.Set) (eos, pad *int) {
	switch {
	case set != nil:
		e, p := int(set.Tokenizer.EOS()), int(set.Tokenizer.Pad())
		return &e, &p
	case s.Data.Tokenizer == corpus.TokenizerBPE: // the same in every vocabulary
		e, p := bpe.EOS, bpe.Pad
		return &e, &p
	}
	return nil, nil
}

// writeTokenizer writes the files from which AutoTokenizer makes the run's
// tokenizer. One that cannot be written is left out, and a note says so.
func (e *hfExport) writeTokenizer(dir string) error {
	if e.set == nil {
		return nil
	}
	m := e.manifest
	files, err := tokenizerFiles(e.Spec, e.set.Tokenizer)
	if err != nil {
		m.Notes = append(m.Notes, fmt.Sprintf("the tokenizer is left out: %v", err))
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o666); err != nil {
			return err
		}
		m.Tokenizer = append(m.Tokenizer, name)
	}
	return nil
}

// tokenizerFiles returns the files of a tokenizer by name.
//
// A BPE vocabulary becomes a tokenizer.json. A SentencePiece model goes with its
// own file and is read as that of T5 is, plainly, without pieces added to it.
func tokenizerFiles(s spec.Run, tokenizer corpus.Tokenizer) (map[string][]byte, error) {
	config := map[string]any{"model_max_length": s.Train.MaxLength, "clean_up_tokenization_spaces": false}
	files := map[string][]byte{}
	switch t := tokenizer.(type) {
	case *bpe.Tokenizer:
		text, err := t.HuggingFace()
		if err != nil {
			return nil, err
		}
		files[tokenizerFile] = text
		config["tokenizer_class"], config["eos_token"], config["pad_token"] = "PreTrainedTokenizerFast", bpe.EOSToken, bpe.PadToken
	case *sentencepiece.Model:
		data, err := os.ReadFile(s.Data.TokenizerModel)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != t.Digest() {
			return nil, fmt.Errorf("%s has changed since it was read", s.Data.TokenizerModel)
		}
		if data, err = sentencepiece.Renumber(data); err != nil {
			return nil, err
		}
		files[spieceFile] = data
		unk, eos, pad := t.Special()
		config["tokenizer_class"], config["unk_token"], config["eos_token"], config["pad_token"] = "T5Tokenizer", unk, eos, pad
		config["extra_ids"], config["legacy"] = 0, true
	default:
		return nil, fmt.Errorf("%s has no form that transformers reads", t.Name())
	}
	text, err := indented(config)
	files[tokenizerConfigFile] = text
	return files, err
}

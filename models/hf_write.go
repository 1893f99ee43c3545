package models

import (
	"encoding/json"
	"io"
	"path/filepath"

	"ranklab/internal/atomicfile"
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// HFOptions say what a folder in Hugging Face's format holds beside the
// dimensions and the weights.
type HFOptions struct {
	MaxLength int              // max_position_embeddings: the tokens of a sequence in training
	EOS, Pad  *int             // ids of the tokenizer; nil: unknown
	Weights   tensor.Precision // how weights are written
}

// WriteHF writes config.json, generation_config.json and model.safetensors to a
// folder that exists, so that transformers loads it as a LlamaForCausalLM:
// names, shapes and the half-split rotation are the same here and there. The
// weights are those of [Llama.Dense].
func (m *Llama) WriteHF(dir string, o HFOptions) error {
	if err := writeJSON(filepath.Join(dir, hfConfigFile), m.hf(o)); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, hfGenerationFile), map[string]*int{"eos_token_id": o.EOS, "pad_token_id": o.Pad}); err != nil {
		return err
	}
	return atomicfile.WriteFunc(filepath.Join(dir, hfWeightsFile), func(w io.Writer) error {
		return safetensors.Write(w, map[string]string{"format": "pt"}, m.Dense(o.Weights))
	})
}

// HFFiles lists the files that [Llama.WriteHF] writes.
func HFFiles() []string { return []string{hfConfigFile, hfGenerationFile, hfWeightsFile} }

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(text, '\n'))
}

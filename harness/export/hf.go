// Package export writes stored runs in the formats of other tools.
package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/atomicfile"
	"ranklab/models"
	"ranklab/tensor"
)

// Options say what to export, and how.
type Options struct {
	Run    record.Run
	Spec   spec.Run
	Ckpt   string // folder of the run's checkpoints
	Step   int    // of the checkpoint; negative: the newest
	Device *tensor.Device

	// Corpus opens the prepared corpus of the run. Its error is a note, and the
	// reason for which there is no tokenizer, unless Eval needs the corpus.
	Corpus func() (*corpus.Set, error)

	BFloat16 bool // round the weights to nearest bfloat16
	Eval     bool // add the validation tokens, and the loss of the exported weights on them
	Force    bool // write into a folder that holds other files
	Revision string
}

// HF is the name of the format of Hugging Face's transformers.
const HF = "hf"

// The files of an exported folder that say what it is: to programs, written last,
// and to people.
const (
	manifestFile = train.ManifestFile
	readmeFile   = "README.md"
)

// A Manifest is the content of ranklab.json.
type Manifest struct {
	Schema     int      `json:"schema"`
	Format     string   `json:"format"` // HF
	RunID      string   `json:"run_id"`
	NumbersID  string   `json:"numbers_id"`
	Method     string   `json:"method"` // its kind
	Merged     bool     `json:"merged"` // factors are multiplied into dense weights
	Step       int      `json:"step"`   // updates applied
	Steps      int      `json:"steps"`  // updates planned
	Dtype      string   `json:"dtype"`
	TrainDtype string   `json:"train_dtype"` // in which the run keeps its weights
	Parameters int64    `json:"parameters"`
	InitDigest string   `json:"init_digest"`         // of these weights, as the ids of a run that starts from them have it
	Tokenizer  []string `json:"tokenizer,omitempty"` // its files
	// TokenizerDigest identifies the tokenizer of the run, whether its files are
	// here or not.
	TokenizerDigest string      `json:"tokenizer_digest,omitempty"`
	Validation      *Validation `json:"validation,omitempty"`
	Revision        string      `json:"revision,omitempty"` // of the program that exported
	Notes           []string    `json:"notes,omitempty"`
}

// A Validation holds losses on the fixed evaluation set of the run: mean nats
// per target.
type Validation struct {
	Targets  int64         `json:"targets"`
	Recorded *record.Float `json:"recorded_loss,omitempty"` // in the run's record at this step; absent: the run was not evaluated there
	Exported *record.Float `json:"exported_loss,omitempty"` // of the weights in this folder, read back and computed here
}

// Schema is the version of ranklab.json.
const Schema = 1

// HuggingFace writes a run to a folder that transformers loads as a
// LlamaForCausalLM: config.json, model.safetensors, with factors merged; the
// tokenizer's files where they can say what the run's tokenizer does; and what
// [Manifest] and README.md tell. The folder appears whole or not at all; files
// of a folder that an earlier export wrote are replaced.
func HuggingFace(dir string, o Options) (*Manifest, error) {
	stale, err := writable(dir, o.Force)
	if err != nil {
		return nil, err
	}
	stored, err := train.Open(o.Spec, o.Ckpt, o.Step, o.Device)
	if err != nil {
		return nil, err
	}
	s := o.Spec
	m := &Manifest{
		Schema: Schema, Format: HF, RunID: o.Run.ID, NumbersID: o.Run.NumbersID, Method: s.Method.Kind,
		Merged: slices.ContainsFunc(stored.Model.Linears(), func(l *models.Linear) bool { return l.A != nil && !l.Bypass }),
		Step:   stored.Step, Steps: s.Train.Steps, Dtype: spec.Float32, TrainDtype: s.Train.Dtype,
		Parameters: s.Model.NumParams(), Revision: o.Revision, Notes: stored.Notes,
	}
	if p := o.Run.Provenance; p != nil {
		m.TokenizerDigest = p.TokenizerDigest
	}
	if o.BFloat16 {
		m.Dtype = spec.BFloat16
	}
	if m.Validation, err = recorded(o.Run, stored.Step); err != nil {
		return nil, err
	}
	set, err := o.Corpus()
	switch {
	case err == nil:
		defer set.Close()
	case o.Eval:
		return nil, fmt.Errorf("the validation tokens are not at hand: %w", err)
	case errors.Is(err, context.Canceled):
		return nil, err
	default:
		m.Notes = append(m.Notes, fmt.Sprintf("the tokenizer is left out: %v", err))
	}
	e := &hfExport{o, set, m}
	return m, atomicfile.WriteFolder(dir, manifestFile, stale, func(tmp string) error {
		eos, pad := specials(s, set)
		err := stored.Model.WriteHF(tmp, models.HFOptions{MaxLength: s.Train.MaxLength, EOS: eos, Pad: pad, Weights: tensor.Precision{BFloat16: o.BFloat16}})
		if err != nil {
			return err
		}
		stored = nil // its weights are on disk now
		if err := e.writeTokenizer(tmp); err != nil {
			return err
		}
		if err := e.readBack(tmp); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, readmeFile), []byte(m.readme()), 0o666); err != nil {
			return err
		}
		text, err := indented(m)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, manifestFile), text, 0o666)
	})
}

// An hfExport is one export on its way.
type hfExport struct {
	Options
	set      *corpus.Set // nil: not at hand
	manifest *Manifest
}

// readBack opens what was written as a run would that starts from it, and
// evaluates it if asked to.
func (e *hfExport) readBack(dir string) error {
	w, err := models.OpenHF(dir, e.Spec.Model.Config)
	if err != nil {
		return err
	}
	defer w.Close()
	m := e.manifest
	if m.InitDigest, err = w.Digest(); err != nil || !e.Eval {
		return err
	}
	row, err := train.Evaluate(e.Spec, w, e.set, e.Device)
	if err != nil {
		return err
	}
	if m.Validation == nil {
		m.Validation = &Validation{}
	}
	m.Validation.Targets, m.Validation.Exported = row.Targets, &row.Loss
	return e.writeValidation(dir)
}

// recorded returns the evaluation that the run's record has of a step; nil if
// it has none.
func recorded(r record.Run, step int) (*Validation, error) {
	metrics, err := r.Metrics()
	if err != nil {
		return nil, err
	}
	for _, row := range metrics.Eval {
		if row.Step == step && row.Loss.Finite() {
			return &Validation{Targets: row.Targets, Recorded: &row.Loss}, nil
		}
	}
	return nil, nil
}

// writable reports a folder that holds files which no export wrote, and lists the
// names that belong to an earlier export if there was one.
func writable(dir string, force bool) (earlier []string, err error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	var m Manifest
	switch {
	case err == nil && json.Unmarshal(text, &m) == nil && m.Format == HF:
		return append(models.HFFiles(), readmeFile, tokenizerFile, spieceFile, tokenizerConfigFile, validationFile, samplesFile), nil
	case force:
		return nil, nil
	}
	return nil, fmt.Errorf("%s is not empty and holds no earlier export (%s): choose another folder with -o, or --force to write into it; other files stay", dir, manifestFile)
}

// readme tells people what the folder holds.
func (m *Manifest) readme() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, %d updates\n\nA LLaMA model with %d parameters, exported by ranklab from run `%s` after %d of %d updates, weights in %s.\n", m.Method, m.Step, m.Parameters, record.ShortID(m.RunID), m.Step, m.Steps, m.Dtype)
	if m.Merged {
		b.WriteString("Its low-rank factors are multiplied into the weights.\n")
	}
	b.WriteString("\n```python\nfrom transformers import AutoTokenizer, LlamaForCausalLM\nmodel = LlamaForCausalLM.from_pretrained(\".\")\n")
	switch {
	case slices.Contains(m.Tokenizer, spieceFile): // the fast class is another program, with other ids at times
		b.WriteString("tokenizer = AutoTokenizer.from_pretrained(\".\", use_fast=False)\n")
	case len(m.Tokenizer) > 0:
		b.WriteString("tokenizer = AutoTokenizer.from_pretrained(\".\")\n")
	}
	b.WriteString("```\n")
	if v := m.Validation; v != nil {
		b.WriteString("\nMean loss on the validation tokens, in nats:")
		if v.Recorded != nil {
			fmt.Fprintf(&b, " %.6f in the run's record.", float64(*v.Recorded))
		}
		if v.Exported != nil {
			fmt.Fprintf(&b, " %.6f of these weights.", float64(*v.Exported))
		}
		b.WriteString("\n")
	}
	for _, note := range m.Notes {
		fmt.Fprintf(&b, "\nNote: %s\n", note)
	}
	b.WriteString("\n`ranklab.json` says the same to programs. An experiment starts from these weights with `init.from`.\n")
	return b.String()
}

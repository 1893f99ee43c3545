package export

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"ranklab/corpus"
	"ranklab/corpus/bpe"
	"ranklab/harness/train"
	"ranklab/internal/atomicfile"
	"ranklab/internal/safetensors"
)

// Files for whoever checks an export in another program.
const (
	validationFile = "validation.safetensors" // inputs and targets of the evaluation set, I32, -1 where there is no target
	samplesFile    = "tokenizer-samples.json" // texts and their ids
)

// writeValidation writes the evaluation set of the run, and texts with the ids
// that its tokenizer gives them.
func (e *hfExport) writeValidation(dir string) error {
	eval := train.EvalSet(e.Spec, e.set)
	n := eval.Sequences * eval.T
	inputs, targets := make([]int32, n), make([]int32, n)
	for i := range eval.Sequences {
		lo, hi := i*eval.T, (i+1)*eval.T
		eval.Sequence(i, inputs[lo:hi], targets[lo:hi])
	}
	metadata := map[string]string{"packing": eval.Packing, "targets": strconv.Itoa(eval.Targets), "digest": eval.Digest}
	err := atomicfile.WriteFunc(filepath.Join(dir, validationFile), func(w io.Writer) error {
		return safetensors.Write(w, metadata, []safetensors.Tensor{
			int32s("inputs", inputs, eval.Sequences, eval.T), int32s("targets", targets, eval.Sequences, eval.T),
		})
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(samples(e.set))
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, samplesFile), append(text, '\n'))
}

func int32s(name string, values []int32, shape ...int) safetensors.Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	return safetensors.Tensor{Name: name, DType: safetensors.I32, Shape: shape, Data: data}
}

// A sample is a text and its ids.
type sample struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

// Bounds of the texts of a sample.
const (
	sampleDocuments = 100
	sampleTokens    = 4096
)

// samples encodes validation documents, and strings that are hard to cut: long
// runs of one class, all kinds of white space, characters of several bytes.
func samples(set *corpus.Set) []sample {
	var texts []string
	tokens, targets := make([]int32, sampleTokens), make([]int32, sampleTokens)
	for i := range min(sampleDocuments, set.Val.Sequences(corpus.PackingPad, sampleTokens)) {
		n := set.Val.Sequence(corpus.PackingPad, sampleTokens, i, tokens, targets)
		texts = append(texts, string(set.Tokenizer.Decode(tokens[:n])))
	}
	for _, s := range []string{"x", "_", "é", "語", "😀", " ", "\t", "\n", "\r\n", "7", "!", "“", "\u00a0", "\u3000", "\x01"} {
		for _, n := range []int{1, 2, 3, 31, 63, 64, 65, 130} {
			run := strings.Repeat(s, n)
			texts = append(texts, run, " "+run, "a "+run+" b", run+" ")
		}
	}
	texts = append(texts, "", "func (t *T) Add_2(x int) {\n\t\treturn x+1234567\n}\n", "Ça va “bien”, 日本語。はい 12345", "\n\n    if  x:\r\n\t\v\fy  \n")
	list := make([]sample, 0, len(texts))
	for _, text := range texts {
		special := strings.Contains(text, bpe.EOSToken) || strings.Contains(text, bpe.PadToken)
		if !utf8.ValidString(text) || special {
			continue // JSON holds no such text; the library takes special tokens out before it cuts
		}
		list = append(list, sample{text, append([]int32{}, set.Tokenizer.Encode(nil, []byte(text))...)})
	}
	return list
}

// indented writes JSON for people.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

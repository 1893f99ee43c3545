package models

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/internal/random"
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// Bounds of what is read before it is understood.
const (
	maxHFConfig = 1 << 20
	maxHFIndex  = 1 << 26
)

// HFWeights are the weights of a dense model in a folder of Hugging Face's
// format, open for reading. Close it when nothing reads from it any more.
type HFWeights struct {
	dir    string
	config Config
	tied   bool
	files  map[string]*safetensors.File // by name
	places map[string]place             // by the name of the parameter here
	err    error                        // the first one that an Init met
}

// A place is where a parameter is found.
type place struct {
	file string
	name string
}

// OpenHF opens a folder with the weights of a LlamaForCausalLM, in one file or
// in several with an index, and checks that they are those of a model of
// configuration c: config.json, and the name, type (F32, BF16, F16) and shape
// of every tensor. Of a model with tied embeddings the head here, which is never
// tied, starts as a copy of the embedding. The error names the file and the
// tensor.
func OpenHF(dir string, c Config) (_ *HFWeights, err error) {
	w := &HFWeights{dir: dir, config: c, files: map[string]*safetensors.File{}, places: map[string]place{}}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: no such folder; weights are read from a folder with %s and %s", dir, hfConfigFile, hfWeightsFile)
	}
	text, err := w.read(hfConfigFile, maxHFConfig)
	if err != nil {
		return nil, err
	}
	config, err := parseHFConfig(text, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, hfConfigFile), err)
	}
	w.tied = config.TieWordEmbeddings
	found, err := w.open()
	if err != nil {
		return nil, err
	}
	if err := w.match(found); err != nil {
		return nil, err
	}
	return w, nil
}

// read reads a small file of the folder.
func (w *HFWeights) read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", f.Name(), limit)
	}
	return text, err
}

// open opens the files of the weights and returns which of them holds each
// tensor.
func (w *HFWeights) open() (found map[string]string, err error) {
	found = map[string]string{}
	_, err = os.Stat(filepath.Join(w.dir, hfWeightsFile))
	if err == nil {
		f, err := w.file(hfWeightsFile)
		if err != nil {
			return nil, err
		}
		for _, name := range f.Names() {
			found[name] = hfWeightsFile
		}
		return found, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	text, err := w.read(hfIndexFile, maxHFIndex)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds neither %s nor %s; save_pretrained(…, safe_serialization=True) of transformers writes them", w.dir, hfWeightsFile, hfIndexFile)
	}
	if err != nil {
		return nil, err
	}
	if found, err = parseHFIndex(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(w.dir, hfIndexFile), err)
	}
	for name, file := range found {
		f, err := w.file(file)
		if err != nil {
			return nil, err
		}
		if _, ok := f.Info(name); !ok {
			return nil, fmt.Errorf("%s: %s does not hold %q", filepath.Join(w.dir, hfIndexFile), file, name)
		}
	}
	return found, nil
}

// parseHFIndex returns which file holds each tensor. An index that names
// anything else than files beside it is refused.
func parseHFIndex(text []byte) (map[string]string, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	for name, file := range index.WeightMap {
		if !strings.HasSuffix(file, ".safetensors") || strings.ContainsAny(file, `/\:`) || !filepath.IsLocal(file) {
			return nil, fmt.Errorf("%q is in %q, which is not the name of a .safetensors file in the same folder", name, file)
		}
	}
	return index.WeightMap, nil
}

// file opens a file of the folder, once.
func (w *HFWeights) file(name string) (*safetensors.File, error) {
	if f, ok := w.files[name]; ok {
		return f, nil
	}
	f, err := safetensors.Open(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	w.files[name] = f
	return f, nil
}

// listed is how many missing or unknown tensors an error names.
const listed = 5

// match finds every parameter of the model among the tensors of the files.
func (w *HFWeights) match(found map[string]string) error {
	var missing, problems []string
	for _, p := range New(w.config).Params() {
		name := p.Name
		if _, ok := found[name]; !ok && w.tied && p.Role == Head {
			name = "model.embed_tokens.weight"
		}
		file, ok := found[name]
		if !ok {
			missing = append(missing, name)
			continue
		}
		w.places[p.Name] = place{file, name}
		info, _ := w.files[file].Info(name)
		if want := p.Shape(); !slices.Equal(info.Shape, want) {
			problems = append(problems, fmt.Sprintf("%s: %s has shape %v, the run needs %v", filepath.Join(w.dir, file), name, info.Shape, want))
		} else if !slices.Contains([]safetensors.DType{safetensors.F32, safetensors.BF16, safetensors.F16}, info.DType) {
			problems = append(problems, fmt.Sprintf("%s: %s is %s; weights are read from F32, BF16 and F16", filepath.Join(w.dir, file), name, info.DType))
		}
	}
	for name := range found {
		// Old releases stored the frequencies of rotary embedding.
		if _, ok := w.places[name]; !ok && !strings.HasSuffix(name, ".rotary_emb.inv_freq") {
			problems = append(problems, fmt.Sprintf("%s: %s has no place in this model", filepath.Join(w.dir, found[name]), name))
		}
	}
	slices.Sort(problems)
	if len(missing) > 0 {
		problems = append(problems, fmt.Sprintf("%s: no tensor %s", w.dir, strings.Join(missing[:min(listed, len(missing))], ", ")))
		if more := len(missing) - listed; more > 0 {
			problems[len(problems)-1] += fmt.Sprintf(" and %d more", more)
		}
	}
	if more := len(problems) - listed; more > 0 {
		problems = append(problems[:listed], fmt.Sprintf("and %d more problems", more))
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}
	return nil
}

// Tied reports whether the head is a copy of the embedding.
func (w *HFWeights) Tied() bool { return w.places["lm_head.weight"].name != "lm_head.weight" }

// Close closes the files.
func (w *HFWeights) Close() error {
	var errs []error
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Initialise lets every parameter of a fresh model of the same configuration,
// one that no method has changed yet, start from the folder instead of a draw:
// what is read replaces Init. 16-bit values are widened, which is exact. What
// goes wrong while the model is allocated is kept for Err.
func (w *HFWeights) Initialise(m *Llama) {
	for _, p := range m.Params() {
		at := w.places[p.Name]
		p.Init = func(_ *tensor.Device, dst tensor.Matrix, _ random.Key) {
			if err := w.files[at.file].Float32(at.name, tensor.Values(dst)); err != nil && w.err == nil {
				w.err = fmt.Errorf("%s: %w", filepath.Join(w.dir, at.file), err)
			}
		}
	}
}

// Err returns the first error that a parameter met which started from w.
func (w *HFWeights) Err() error { return w.err }

// Digest reads all weights once and returns the SHA-256, in hex, of what they
// say: for each parameter of the dense model in forward order its name and shape
// on a line, and its values as little-endian float32. It does not depend on how
// the weights are spread over files, on paths, or on the width in which they are
// stored. A value that is not finite is an error.
func (w *HFWeights) Digest() (string, error) {
	h := sha256.New()
	var b []byte
	for _, p := range New(w.config).Params() {
		at := w.places[p.Name]
		fmt.Fprintf(h, "%s %v\n", p.Name, p.Shape())
		done := 0
		err := w.files[at.file].Float32Parts(at.name, func(part []float32) error {
			b = b[:0]
			for i, v := range part {
				bits := math.Float32bits(v)
				if bits&0x7f800000 == 0x7f800000 {
					return fmt.Errorf("%s: element %d is %v: the weights are damaged", at.name, done+i, v)
				}
				b = binary.LittleEndian.AppendUint32(b, bits)
			}
			done += len(part)
			h.Write(b)
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("%s: %w", filepath.Join(w.dir, at.file), err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

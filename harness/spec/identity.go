package spec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
)

// NumericsVersion is raised by hand when a change of the program changes the
// numbers of some run. It is part of both ids.
const NumericsVersion = 2

// Digests name the data of a run by content: paths do not enter the ids.
type Digests struct {
	Data      string `json:"data,omitempty"`      // of the text, in order
	Tokenizer string `json:"tokenizer,omitempty"` // of the trained or given tokenizer
	Init      string `json:"init,omitempty"`      // of the weights of init.from
}

// NumbersID names what determines the numbers of the run: sha256, in hex, over
// its canonical JSON. Runs with equal NumbersID have bit-identical records.
func (r Run) NumbersID(d Digests) string {
	return digest(r.canonical(d, func(f field) bool { return f.numbers }))
}

// RunID names the run: its numbers, and the execution settings that change
// memory but no bits. Finished runs are reused by RunID.
func (r Run) RunID(d Digests) string {
	return digest(r.canonical(d, func(f field) bool { return f.run }))
}

// sameness is equal for points that ask for the same run, whatever the seed.
func (r Run) sameness() string {
	r.Seed = Seed{}
	paths := append([]string{r.Data.TokenizerModel, r.Init.From}, r.Data.Paths...)
	return r.RunID(Digests{}) + "\x00" + strings.Join(paths, "\x00")
}

// canonical returns JSON with sorted keys, no spaces and the shortest floats.
// It holds the keys that apply to the run; a key that came later is left out
// while it is not used, so that ids made before it stay.
func (r Run) canonical(d Digests, include func(field) bool) []byte {
	if r.Method.ProjectorDtype == r.basesAsState() { // the same, in other words
		r.Method.ProjectorDtype = ""
	}
	doc := map[string]any{"numerics_version": NumericsVersion, "digests": d}
	for _, f := range allFields() {
		if ok, _ := r.applies(f.key); !ok || !include(f) {
			continue
		}
		v := f.value(reflect.ValueOf(r))
		if f.unused(v) || f.key == "train.state_dtype" && !r.Method.keepsState() {
			continue
		}
		section, ok := doc[f.section].(map[string]any)
		if !ok {
			section = make(map[string]any)
			doc[f.section] = section
		}
		section[shortKey(f.key)] = v.Interface()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		panic("spec: " + err.Error()) // NaN and Inf do not pass the checks
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func digest(canonical []byte) string {
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// Package interop compares ranklab with PyTorch: cases.json lists small
// training runs, the Python programs compute them in float64, and the tests
// here require that the float32 Go code follows. See README.md.
package interop

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"ranklab/harness/spec"
	"ranklab/internal/random"
	"ranklab/models"
)

//go:embed cases.json
var casesJSON []byte

// A Suite is the content of cases.json.
type Suite struct {
	Seed        uint64        `json:"seed"`         // of initialisation and tokens
	FactorScale float32       `json:"factor_scale"` // s of the adapters whose gradients are compared
	Llama       models.Config `json:"llama"`        // model whose logits and gradients are compared
	Trajectory  models.Config `json:"trajectory"`   // model that the cases train
	Batch       struct {
		Sequences int `json:"sequences"`
		Tokens    int `json:"tokens"`
	} `json:"batch"`
	Cases []Case `json:"-"`
}

// A Case is one training run: the method and the protocol of a resolved run, in
// the keys of experiment files.
type Case struct {
	Name    string `json:"name"`
	Updates int    `json:"updates"` // run; fewer than steps, so that no merge falls on the end
	spec.Method
	spec.Train
}

// LoadSuite decodes cases.json; a case starts from the defaults.
func LoadSuite() (*Suite, error) {
	var s struct {
		Suite
		Defaults json.RawMessage   `json:"defaults"`
		Cases    []json.RawMessage `json:"cases"`
	}
	if err := strict(casesJSON, &s); err != nil {
		return nil, fmt.Errorf("interop: cases.json: %w", err)
	}
	for _, text := range s.Cases {
		var c Case
		for _, part := range []json.RawMessage{s.Defaults, text} {
			if err := strict(part, &c); err != nil {
				return nil, fmt.Errorf("interop: cases.json: %s: %w", text, err)
			}
		}
		s.Suite.Cases = append(s.Suite.Cases, c)
	}
	return &s.Suite, nil
}

// strict decodes JSON without keys that nothing reads.
func strict(text []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Key returns the key of initialisation.
func (s *Suite) Key() random.Key { return random.New(s.Seed) }

// Data returns batch u. Sequences end in up to two positions without target.
func (s *Suite) Data(u int) models.Batch {
	n, t := s.Batch.Sequences, s.Batch.Tokens
	b := models.Batch{B: n, T: t, Tokens: make([]int32, n*t), Targets: make([]int32, n*t), Step: u}
	key := s.Key().Stream("interop").Tensor("tokens").Step(u)
	for i := range n {
		for j := range t {
			at := uint64(i*(t+1) + j)
			b.Tokens[i*t+j] = int32(key.Below(at, s.Trajectory.VocabSize))
			b.Targets[i*t+j] = int32(key.Below(at+1, s.Trajectory.VocabSize))
			if j >= t-(i+u)%3 {
				b.Targets[i*t+j] = -1
			}
		}
	}
	return b
}

// Run returns the case as the harness knows it.
func (c Case) Run() spec.Run { return spec.Run{Method: c.Method, Train: c.Train} }

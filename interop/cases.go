// Package interop compares ranklab with PyTorch: cases.json lists small
// training runs, the Python programs compute them in float64, and the tests
// here require that the float32 Go code follows. See README.md.
package interop

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"ranklab/galore"
	"ranklab/internal/random"
	"ranklab/lora"
	"ranklab/lowrank"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/relora"
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

// A Case is one training run. Keys are those of experiment files.
type Case struct {
	Name               string     `json:"name"`
	Kind               string     `json:"kind"`
	Optimizer          string     `json:"optimizer"`
	LR                 float64    `json:"lr"`
	Scheduler          string     `json:"scheduler"`
	WarmupSteps        int        `json:"warmup_steps"`
	MinLRRatio         float64    `json:"min_lr_ratio"`
	Steps              int        `json:"steps"`   // planned
	Updates            int        `json:"updates"` // run; fewer, so that no merge falls on the end
	Convention         string     `json:"convention"`
	Betas              [2]float64 `json:"betas"`
	Eps                float64    `json:"eps"`
	WeightDecay        float64    `json:"weight_decay"`
	Decay              string     `json:"decay"`
	Momentum           float64    `json:"momentum"`
	DecayRate          float64    `json:"decay_rate"`
	ClipThreshold      float64    `json:"clip_threshold"`
	Rank               int        `json:"rank"`
	UpdateProjGap      int        `json:"update_proj_gap"`
	Scale              float64    `json:"scale"`
	ProjType           string     `json:"proj_type"`
	Init               string     `json:"init"`
	LoraAlpha          float64    `json:"lora_alpha"`
	Scaling            string     `json:"scaling"`
	MergeEvery         int        `json:"merge_every"`
	CycleLength        int        `json:"cycle_length"`
	RestartWarmupSteps int        `json:"restart_warmup_steps"`
	MergeAt            string     `json:"merge_at"`
	Reset              string     `json:"reset"`
	ResetRatio         float64    `json:"reset_ratio"`
	ResetStep          bool       `json:"reset_step"`
	FullRankSteps      int        `json:"full_rank_steps"`
	DeadStart          bool       `json:"dead_start"`
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

// Method returns the method of the case.
func (c Case) Method() (optim.Method, error) {
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	adapters := lora.Config{Base: base, Rank: c.Rank, Alpha: c.LoraAlpha, Scaling: lora.Scaling(c.Scaling)}
	switch c.Kind {
	case "adamw", "sgd", "adafactor":
		return optim.NewFullRank(base)
	case "lowrank":
		return lowrank.New(lowrank.Config{
			Base: base, Rank: c.Rank, Init: lowrank.Init(c.Init), Alpha: c.LoraAlpha, Scaling: lora.Scaling(c.Scaling),
		})
	case "lora":
		return lora.New(adapters)
	case "relora":
		return relora.New(relora.Config{
			Config: adapters, MergeEvery: c.MergeEvery, CycleLength: c.CycleLength, MergeAt: relora.MergeAt(c.MergeAt),
			Reset: relora.Reset(c.Reset), ResetRatio: c.ResetRatio, ResetStep: c.ResetStep,
			FullRankSteps: c.FullRankSteps, DeadStart: c.DeadStart,
		})
	case "galore":
		return galore.New(galore.Config{
			Base: base, Rank: c.Rank, UpdateProjGap: c.UpdateProjGap, Scale: c.Scale, ProjType: galore.ProjType(c.ProjType),
		})
	}
	return nil, fmt.Errorf("interop: unknown kind %q", c.Kind)
}

func (c Case) base() (optim.Base, error) {
	b := optim.Base{WeightDecay: c.WeightDecay, Decay: optim.Decay(c.Decay)}
	switch c.Optimizer {
	case "adamw":
		b.Rule = optim.AdamW{Betas: c.Betas, Eps: c.Eps, Convention: optim.Convention(c.Convention)}
	case "sgd":
		b.Rule = optim.SGD{Momentum: c.Momentum}
	case "adafactor":
		b.Rule = optim.Adafactor{DecayRate: c.DecayRate, ClipThreshold: c.ClipThreshold, Momentum: c.Momentum}
	default:
		return b, fmt.Errorf("interop: unknown optimizer %q", c.Optimizer)
	}
	return b, nil
}

// Schedule returns the schedule of the case.
func (c Case) Schedule() (optim.Schedule, error) {
	h := optim.Horizon{Steps: c.Steps, Warmup: c.WarmupSteps, MinLRRatio: c.MinLRRatio}
	switch c.Scheduler {
	case "constant":
		return optim.Constant(h)
	case "linear":
		return optim.Linear(h)
	case "cosine":
		return optim.Cosine(h)
	case "jagged_cosine":
		return optim.JaggedCosine(h, optim.Jag{CycleLength: c.CycleLength, RestartWarmup: c.RestartWarmupSteps, FullRankSteps: c.FullRankSteps})
	}
	return nil, fmt.Errorf("interop: unknown scheduler %q", c.Scheduler)
}

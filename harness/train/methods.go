package train

import (
	"fmt"

	"ranklab/galore"
	"ranklab/harness/spec"
	"ranklab/lora"
	"ranklab/lowrank"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/relora"
)

// methods is the table of methods by kind: a new method is a package and one
// line here.
var methods = map[string]func(spec.Method, optim.Base) (optim.Method, error){
	"adamw":     fullRank,
	"sgd":       fullRank,
	"adafactor": fullRank,
	"adamw8bit": fullRank,
	"lowrank": func(m spec.Method, b optim.Base) (optim.Method, error) {
		return lowrank.New(lowrank.Config{Base: b, Rank: m.Rank, Targets: roles(m.Targets), Init: lowrank.Init(m.Init), Alpha: m.LoraAlpha, Scaling: lora.Scaling(m.Scaling)})
	},
	"lora": func(m spec.Method, b optim.Base) (optim.Method, error) {
		return lora.New(loraConfig(m, b))
	},
	"relora": func(m spec.Method, b optim.Base) (optim.Method, error) {
		return relora.New(relora.Config{
			Config: loraConfig(m, b), MergeEvery: m.MergeEvery, CycleLength: m.CycleLength, MergeAt: relora.MergeAt(m.MergeAt),
			Reset: relora.Reset(m.Reset), ResetRatio: m.ResetRatio, ResetStep: m.ResetStep,
			FullRankSteps: m.FullRankSteps, DeadStart: m.DeadStart,
		})
	},
	"galore": func(m spec.Method, b optim.Base) (optim.Method, error) {
		return galore.New(galoreConfig(m, b))
	},
}

// NewMethod returns the method of a run.
func NewMethod(s spec.Run) (optim.Method, error) {
	m := s.Method
	build, ok := methods[m.Kind]
	if !ok {
		return nil, fmt.Errorf("unknown method kind %q", m.Kind)
	}
	rule, err := newRule(m)
	if err != nil {
		return nil, err
	}
	base := optim.Base{Rule: rule, WeightDecay: m.WeightDecay, Decay: optim.Decay(m.Decay), LRGroups: map[models.Role]float64{}}
	for role, factor := range m.LRGroups {
		base.LRGroups[models.Role(role)] = factor
	}
	return build(m, base)
}

// newRule returns the base optimizer.
func newRule(m spec.Method) (optim.Rule, error) {
	switch m.Optimizer {
	case "adamw":
		return optim.AdamW{Betas: [2]float64(m.Betas), Eps: m.Eps, Convention: optim.Convention(m.Convention)}, nil
	case "adamw8bit":
		return optim.AdamW8bit{Betas: [2]float64(m.Betas), Eps: m.Eps, Block: m.BlockSize, MinSize: m.Min8bitSize}, nil
	case "sgd":
		return optim.SGD{Momentum: m.Momentum}, nil
	case "adafactor":
		return optim.Adafactor{DecayRate: m.DecayRate, ClipThreshold: m.ClipThreshold, Momentum: m.Momentum}, nil
	}
	return nil, fmt.Errorf("unknown optimizer %q", m.Optimizer)
}

func fullRank(_ spec.Method, b optim.Base) (optim.Method, error) { return optim.NewFullRank(b) }

func loraConfig(m spec.Method, b optim.Base) lora.Config {
	return lora.Config{Base: b, Rank: m.Rank, Targets: roles(m.Targets), Alpha: m.LoraAlpha, Dropout: m.LoraDropout, Scaling: lora.Scaling(m.Scaling)}
}

func galoreConfig(m spec.Method, b optim.Base) galore.Config {
	return galore.Config{
		Base: b, Rank: m.Rank, UpdateProjGap: int(m.UpdateProjGap), Scale: m.Scale,
		ProjType: galore.ProjType(m.ProjType), Projector: galore.Projector(m.Projector), ProjectorDType: galore.DType(m.ProjectorDtype),
		Moments: galore.Moments(m.Moments), ResetStep: m.ResetStep && m.Moments == "reset", Targets: roles(m.Targets),
	}
}

func roles(names []string) []models.Role {
	var rs []models.Role
	for _, name := range names {
		rs = append(rs, models.Role(name))
	}
	return rs
}

package golden

import "ranklab/harness/spec"

// Variants returns the methods by name; each changes the run of [Prepare].
func Variants() map[string]func(*spec.Run) {
	adam := func(s *spec.Run) {
		s.Method.Optimizer, s.Method.Betas, s.Method.Eps, s.Method.Convention, s.Method.Decay = "adamw", []float64{0.9, 0.999}, 1e-8, "torch", "before"
		s.Method.Targets = []string{"attn", "mlp"}
	}
	all := map[string]func(*spec.Run){
		"adamw": func(s *spec.Run) { adam(s); s.Method.Kind = "adamw"; s.Method.Targets = nil },
		"lowrank": func(s *spec.Run) {
			adam(s)
			s.Method.Kind, s.Method.Rank, s.Method.Init = "lowrank", 4, "matched"
		},
		"lora": func(s *spec.Run) {
			adam(s)
			s.Method.Kind, s.Method.Rank, s.Method.LoraAlpha, s.Method.LoraDropout, s.Method.Scaling = "lora", 4, 8, 0.1, "alpha_over_r"
		},
		"relora": func(s *spec.Run) {
			adam(s)
			s.Method.Kind, s.Method.Rank, s.Method.LoraAlpha, s.Method.Scaling = "relora", 4, 8, "alpha_over_r"
			s.Method.MergeEvery, s.Method.CycleLength, s.Method.MergeAt, s.Method.Reset, s.Method.ResetStep = 4, 4, "boundary", "zero", true
			s.Method.FullRankSteps = 4
		},
		"galore": func(s *spec.Run) {
			adam(s)
			s.Method.Kind, s.Method.Rank, s.Method.UpdateProjGap, s.Method.Scale, s.Method.ProjType = "galore", 4, 4, 0.25, "std"
			s.Method.Projector, s.Method.Moments = "range_finder", "carry"
		},
		"galore-adafactor": func(s *spec.Run) {
			s.Method.Kind, s.Method.Rank, s.Method.UpdateProjGap, s.Method.Scale, s.Method.ProjType = "galore", 4, 5, 0.25, "reverse_std"
			s.Method.Projector, s.Method.Moments = "svd", "carry"
			s.Method.Optimizer, s.Method.DecayRate, s.Method.ClipThreshold, s.Method.Momentum = "adafactor", 0.8, 1, 0.9
			s.Method.Targets = []string{"attn", "mlp"}
		},
	}
	eight := func(s *spec.Run) {
		s.Method.Optimizer, s.Method.BlockSize, s.Method.Min8bitSize = "adamw8bit", 64, 300
		s.Method.Betas, s.Method.Eps, s.Method.Decay = []float64{0.9, 0.999}, 1e-8, "before"
	}
	all["adamw8bit"] = func(s *spec.Run) { s.Method.Kind = "adamw8bit"; eight(s) }
	all["galore-8bit"] = func(s *spec.Run) { all["galore"](s); eight(s); s.Train.StateDtype = spec.BFloat16 }
	all["relora-8bit"] = func(s *spec.Run) {
		all["relora"](s)
		eight(s)
		s.Method.Min8bitSize, s.Method.Reset, s.Method.ResetRatio = 64, "magnitude", 0.5
		s.Train.Dtype = spec.BFloat16Stochastic
	}
	// The switches of GaLore: each projector, what becomes of moments, both sides,
	// and bases of fewer bits.
	all["galore-stiefel-rotate"] = func(s *spec.Run) {
		all["galore"](s)
		s.Method.Projector, s.Method.Moments, s.Method.ProjType = "stiefel", "rotate", "full"
	}
	all["galore-gaussian-reset"] = func(s *spec.Run) {
		all["galore"](s)
		s.Method.Projector, s.Method.Moments, s.Method.ResetStep, s.Method.ProjectorDtype = "gaussian", "reset", true, "int8"
	}
	all["galore-coordinate-sgd"] = func(s *spec.Run) {
		all["galore"](s)
		s.Method.Projector, s.Method.Moments = "coordinate", "rotate"
		s.Method.Optimizer, s.Method.Momentum = "sgd", 0.9
		s.Train.StateDtype = spec.BFloat16Stochastic
	}
	all["galore-8bit-int4"] = func(s *spec.Run) {
		all["galore-8bit"](s)
		s.Method.Moments, s.Method.ProjectorDtype = "rotate", "int4"
	}
	all["galore-reset"] = func(s *spec.Run) {
		all["galore-adafactor"](s)
		s.Method.Moments, s.Method.ProjectorDtype = "reset", "int4"
	}
	all["adamw-bfloat16"] = func(s *spec.Run) { all["adamw"](s); s.Train.Dtype, s.Train.StateDtype = spec.BFloat16, spec.BFloat16 }
	all["galore-bfloat16-stochastic"] = func(s *spec.Run) {
		all["galore"](s)
		s.Train.Dtype, s.Train.StateDtype = spec.BFloat16Stochastic, spec.BFloat16Stochastic
	}
	all["lora-bfloat16-stochastic"] = func(s *spec.Run) {
		all["lora"](s)
		s.Train.Dtype, s.Train.StateDtype = spec.BFloat16Stochastic, spec.BFloat16Stochastic
	}
	return all
}

// Protocols returns runs that take what [Variants] leave at its default: schedules,
// clipping, accumulation, padding, weight decay, groups of rates, and the
// settings of methods that are there for comparison. Each changes the run of
// [PrepareUneven]. Some of it no layer-wise run can have.
func Protocols() map[string]func(*spec.Run) {
	of := Variants()
	groups := map[string]float64{"embed_tokens": 0.5, "lm_head": 0.1, "norm": 2}
	return map[string]func(*spec.Run){
		"adamw-clipped": func(s *spec.Run) {
			of["adamw"](s)
			s.Method.WeightDecay, s.Method.Decay, s.Method.Convention, s.Method.Eps = 0.1, "l2", "galore", 1e-6
			s.Method.LRGroups = groups
			s.Data.Packing, s.Train.BatchSize, s.Train.GradClipping, s.Train.Scheduler = "pad", 2, 0.5, "linear"
		},
		"adafactor-constant": func(s *spec.Run) {
			s.Method.Kind, s.Method.Optimizer, s.Method.DecayRate, s.Method.ClipThreshold = "adafactor", "adafactor", 0.8, 1
			s.Method.WeightDecay, s.Method.Decay = 0.1, "after"
			s.Data.Packing, s.Train.BatchSize, s.Train.MicrobatchMean, s.Train.Scheduler = "pad", 1, true, "constant"
		},
		"sgd-clipped": func(s *spec.Run) {
			s.Method.Kind, s.Method.Optimizer, s.Method.Momentum = "sgd", "sgd", 0.9
			s.Method.WeightDecay, s.Method.Decay = 0.1, "before"
			s.Train.GradClipping = 0.2
		},
		"lowrank-spectral": func(s *spec.Run) {
			of["lowrank"](s)
			s.Method.Init, s.Method.WeightDecay, s.Method.Decay, s.Method.LRGroups = "spectral", 0.1, "after", groups
		},
		"lowrank-kaiming": func(s *spec.Run) {
			of["lowrank"](s)
			s.Method.Init, s.Method.LoraAlpha, s.Method.Targets = "kaiming", 8, []string{"attn"}
		},
		"lora-fixed": func(s *spec.Run) {
			of["lora"](s)
			s.Method.Scaling, s.Method.LoraAlpha, s.Method.Targets, s.Method.LRGroups = "fixed", 0.5, []string{"mlp"}, groups
			s.Train.GradClipping = 0.3
		},
		"relora-reference": func(s *spec.Run) {
			of["relora"](s)
			s.Method.Scaling, s.Method.FullRankSteps, s.Method.MergeEvery = "alpha_over_sqrt_r", 0, 2
			s.Method.MergeAt, s.Method.Reset, s.Method.ResetRatio, s.Method.ResetStep, s.Method.DeadStart = "reference", "random", 0.5, false, true
			s.Method.RestartWarmupSteps, s.Train.Scheduler, s.Train.BatchSize = 2, "jagged_cosine", 2
		},
		"relora-warm": func(s *spec.Run) {
			of["relora"](s)
			s.Method.Reset, s.Method.ResetStep = "none", false
			s.Method.RestartWarmupSteps, s.Train.Scheduler, s.Train.GradClipping = 2, "jagged_cosine", 0.5
		},
		"galore-left": func(s *spec.Run) {
			of["galore"](s)
			s.Method.Projector, s.Method.ProjType, s.Method.Convention, s.Method.Eps = "svd", "left", "galore", 1e-6
			s.Method.WeightDecay, s.Method.LRGroups = 0.1, groups
			s.Data.Packing, s.Train.BatchSize, s.Train.MicrobatchMean, s.Train.GradClipping = "pad", 2, true, 0.5
		},
		"galore-right": func(s *spec.Run) {
			of["galore"](s)
			s.Method.ProjType, s.Method.WeightDecay, s.Method.Decay, s.Method.Targets = "right", 0.1, "l2", []string{"mlp"}
			s.Data.Packing, s.Train.Scheduler = "pad", "linear"
		},
		"galore-svd": func(s *spec.Run) {
			of["galore"](s)
			s.Method.Projector, s.Method.UpdateProjGap = "svd", spec.Never
		},
	}
}

// WideVariants returns the methods of [Variants] with a rank that fits the run
// of [Widen], and a clock that fits its 24 updates.
func WideVariants() map[string]func(*spec.Run) {
	all := Variants()
	for name, change := range all {
		all[name] = func(s *spec.Run) {
			change(s)
			s.Method.Name = name
			if s.Method.Rank > 0 {
				s.Method.Rank = 24
			}
			switch s.Method.Kind {
			case "galore":
				s.Method.UpdateProjGap = 7
			case "relora":
				s.Method.MergeEvery, s.Method.CycleLength, s.Method.FullRankSteps = 5, 5, 4
			}
		}
	}
	return all
}

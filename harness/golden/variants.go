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

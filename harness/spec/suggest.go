package spec

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// aliases maps other spellings, of the papers, their code and similar tools, to
// ours. Where a name means different things, the first that fits the place wins.
func aliases() map[string][]string {
	return map[string][]string{
		"t": {"update_proj_gap"}, "r": {"rank"}, "alpha": {"lora_alpha", "scale"}, "relora": {"merge_every"},
		"galore_scale": {"scale"}, "dropout": {"lora_dropout"}, "target_modules": {"targets"}, "target_modules_list": {"targets"},
		"reset_optimizer_on_relora": {"reset"}, "optimizer_magnitude_pruning": {"reset_ratio"}, "optimizer_random_pruning": {"reset_ratio"},
		"cycle": {"cycle_length"}, "full_rank_warmup": {"full_rank_steps"}, "gap": {"update_proj_gap"}, "refresh": {"update_proj_gap"},
		"learning_rate": {"lr"}, "wd": {"weight_decay"}, "epsilon": {"eps"}, "beta": {"betas"}, "beta1": {"betas", "momentum"}, "beta2": {"betas"},
		"mu": {"momentum"}, "optim": {"optimizer", "method"}, "base_optimizer": {"optimizer"}, "type": {"kind"}, "method": {"kind"},
		"hidden": {"hidden_size"}, "dim": {"hidden_size"}, "d_model": {"hidden_size"}, "n_embd": {"hidden_size"}, "n_embed": {"hidden_size"},
		"intermediate": {"intermediate_size"}, "ffn_dim": {"intermediate_size"}, "layers": {"num_hidden_layers"}, "n_layer": {"num_hidden_layers"},
		"heads": {"num_attention_heads"}, "n_head": {"num_attention_heads"}, "vocab": {"vocab_size"}, "init_std": {"initializer_range"},
		"rms_eps": {"rms_norm_eps"}, "model_config": {"preset"}, "arch": {"preset"},
		"num_training_steps": {"steps"}, "num_steps": {"steps"}, "max_steps": {"steps"}, "iterations": {"steps"}, "updates": {"steps"},
		"batch": {"total_batch_size"}, "micro_batch": {"batch_size"}, "micro_batch_size": {"batch_size"}, "gradient_accumulation": {"batch_size"},
		"seq_len": {"max_length"}, "sequence_length": {"max_length"}, "block_size": {"max_length"}, "context_length": {"max_length"},
		"warmup": {"warmup_steps"}, "schedule": {"scheduler"}, "lr_schedule": {"scheduler"}, "grad_clip": {"grad_clipping"}, "clip": {"grad_clipping"},
		"max_grad_norm": {"grad_clipping"}, "min_lr": {"min_lr_ratio"}, "per_layer": {"layerwise"}, "save_every": {"checkpoint_every"},
		"eval_every": {"every"}, "val_tokens": {"tokens"}, "dataset": {"source"}, "name": {"source"},
		"pareto": {"frontier"}, "panels": {"facet"}, "format": {"formats"}, "cases": {"case"}, "figures": {"figure"}, "tables": {"table"}, "claims": {"claim"}, "contracts": {"contract"}, "references": {"reference"}, "include": {"extends"}, "inherit": {"extends"}, "base": {"extends"},
		"sweeps": {"sweep"}, "tuning": {"tune"}, "grid": {"sweep"}, "optimizer": {"method"}, "training": {"train"}, "evaluation": {"eval"},
		"precision": {"dtype"}, "weight_dtype": {"dtype"}, "optim_dtype": {"state_dtype"}, "gradient_checkpointing": {"activation_checkpointing"},
		"bf16": {"bfloat16"}, "bf16-rn": {"bfloat16"}, "bf16-sr": {"bfloat16_stochastic"}, "fp32": {"float32"}, "f32": {"float32"},
		"diagnostic": {"diagnostics"}, "diag": {"diagnostics"}, "subspaces": {"subspace"}, "every": {"nth_refresh"}, "captured_after": {"after"},
		"adam8bit": {"adamw8bit"}, "adam_8bit": {"adamw8bit"}, "adamw_8bit": {"adamw8bit"}, "blocksize": {"block_size"},
	}
}

// alias returns the candidate that is our spelling of word.
func alias(word string, candidates []string) string {
	for _, name := range aliases()[strings.ToLower(word)] {
		if slices.Contains(candidates, name) {
			return name
		}
	}
	return ""
}

// Nearest returns the candidate that word is most likely meant to be: at most
// two letters away (one for short words), or a longer or shorter form of it; ""
// if there is none.
func Nearest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if word == "" || len(word) > 64 {
		return ""
	}
	best, distance := "", 3
	if len(word) <= 3 {
		distance = 2
	}
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(word, c); d < distance {
			best, distance = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		if len(word) >= 3 && strings.HasPrefix(c, word) || len(c) >= 4 && strings.HasPrefix(word, c) {
			return c
		}
	}
	return ""
}

// didYouMean proposes a candidate for an unknown word: the suggestion, and the
// candidate itself ("" if there is none).
func didYouMean(word string, candidates []string) (suggestion, candidate string) {
	if c := alias(word, candidates); c != "" {
		return `here it is called "` + c + `"`, c
	}
	if c := Nearest(word, candidates); c != "" {
		return `did you mean "` + c + `"?`, c
	}
	return "", ""
}

// didYouMeanKey proposes a key for an unknown one of section: a key of the
// section, or else of another section.
func didYouMeanKey(word, section string, candidates []string) (suggestion, candidate string) {
	if c := alias(word, candidates); c != "" {
		return didYouMean(word, candidates)
	}
	if s := elsewhere(word, section, slices.Contains); s != "" {
		return s, ""
	}
	if s, c := didYouMean(word, candidates); c != "" {
		return s, c
	}
	return elsewhere(word, section, func(keys []string, word string) bool { return alias(word, keys) != "" }), ""
}

// elsewhere proposes the place of a key that another section has, as found by
// match.
func elsewhere(word, section string, match func(keys []string, word string) bool) string {
	for _, other := range protocolAndMethod() {
		keys := sectionKeys(other)
		if other == section || !match(keys, word) {
			continue
		}
		if !slices.Contains(keys, word) {
			word = alias(word, keys)
		}
		if other == "method" {
			return `it belongs to a method: "method.NAME.` + word + `"`
		}
		return `did you mean "` + other + "." + word + `"?`
	}
	return ""
}

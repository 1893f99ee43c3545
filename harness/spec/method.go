package spec

import (
	"slices"

	"ranklab/models"
)

// Method holds the keys of all methods; a key that the kind does not have is
// refused when it is set, and stays at its zero value otherwise.
type Method struct {
	Name      string             `toml:"name" json:"-" identity:"-"`                                       // the table's name, [method.NAME]; a label
	Kind      string             `toml:"kind" json:"kind"`                                                 // "adamw" | "sgd" | "adafactor" | "adamw8bit" (full rank) | "lowrank" | "lora" | "relora" | "galore"
	Optimizer string             `toml:"optimizer" json:"optimizer"`                                       // base optimizer: "adamw" | "sgd" | "adafactor" | "adamw8bit" (full-rank kinds: the kind itself)
	LR        float64            `toml:"lr" json:"lr"`                                                     //
	LRGroups  map[string]float64 `toml:"lr_groups" json:"lr_groups,omitempty" identity:"numbers,omitzero"` // factor per role: embed_tokens, attn, mlp, norm, lm_head

	Convention    string    `toml:"convention" json:"convention,omitempty"`         // adamw: "torch" (eps after bias correction) | "galore" (before)
	Betas         []float64 `toml:"betas" json:"betas,omitempty"`                   // adamw, adamw8bit
	Eps           float64   `toml:"eps" json:"eps,omitempty"`                       // adamw, adamw8bit
	WeightDecay   float64   `toml:"weight_decay" json:"weight_decay,omitempty"`     //
	Decay         string    `toml:"decay" json:"decay,omitempty"`                   // "before" | "after" the step (decoupled) | "l2"
	Momentum      float64   `toml:"momentum" json:"momentum,omitempty"`             // sgd: μ; adafactor: β1 (0 = no first moment)
	DecayRate     float64   `toml:"decay_rate" json:"decay_rate,omitempty"`         // adafactor: β2(t) = 1 − t^(−decay_rate)
	BlockSize     int       `toml:"block_size" json:"block_size,omitempty"`         // adamw8bit: elements that share a largest magnitude
	Min8bitSize   int       `toml:"min_8bit_size" json:"min_8bit_size,omitempty"`   // adamw8bit: smaller tensors keep float32 state
	ClipThreshold float64   `toml:"clip_threshold" json:"clip_threshold,omitempty"` // adafactor

	Rank          int      `toml:"rank" json:"rank,omitempty"`
	Targets       []string `toml:"targets" json:"targets,omitempty"`                 // roles: "attn", "mlp"
	UpdateProjGap Gap      `toml:"update_proj_gap" json:"update_proj_gap,omitempty"` // galore: updates between refreshes, or "never"
	Scale         float64  `toml:"scale" json:"scale,omitempty"`                     // galore: a_g
	ProjType      string   `toml:"proj_type" json:"proj_type,omitempty"`             // galore: "std" | "reverse_std" | "left" | "right" | "full"
	Projector     string   `toml:"projector" json:"projector,omitempty"`             // galore: "svd" | "range_finder" | "stiefel" | "gaussian" | "coordinate"

	ProjectorDtype string `toml:"projector_dtype" json:"projector_dtype,omitempty" identity:"numbers,omitzero"` // galore: how bases are kept: "" (as train.state_dtype) | "float32" | "bfloat16" | "int8" | "int4"
	Moments        string `toml:"moments" json:"moments,omitempty" identity:"numbers,omit=carry"`               // galore: the optimizer's state at a refresh: "carry" | "reset" | "rotate"; reset_step below

	Init        string  `toml:"init" json:"init,omitempty"`                 // lowrank: "matched" | "spectral" | "kaiming"
	LoraAlpha   float64 `toml:"lora_alpha" json:"lora_alpha,omitempty"`     // lora, relora; lowrank with kaiming (s = lora_alpha / r)
	LoraDropout float64 `toml:"lora_dropout" json:"lora_dropout,omitempty"` // lora, relora
	Scaling     string  `toml:"scaling" json:"scaling,omitempty"`           // s: "alpha_over_r" | "alpha_over_sqrt_r" | "fixed" (s = lora_alpha)

	MergeEvery         int     `toml:"merge_every" json:"merge_every,omitempty"`                           // relora: q
	CycleLength        int     `toml:"cycle_length" json:"cycle_length,omitempty"`                         // relora: C, of the reset and of jagged_cosine
	RestartWarmupSteps int     `toml:"restart_warmup_steps" json:"restart_warmup_steps,omitempty"`         // jagged_cosine: w
	MergeAt            string  `toml:"merge_at" json:"merge_at,omitempty"`                                 // "boundary" | "reference" (compat: after the dead update)
	Reset              string  `toml:"reset" json:"reset,omitempty"`                                       // "none" | "zero" | "random" | "magnitude"
	ResetRatio         float64 `toml:"reset_ratio" json:"reset_ratio,omitempty"`                           // p of random and magnitude
	ResetStep          bool    `toml:"reset_step" json:"reset_step,omitempty"`                             // restart the bias correction too (with zero: a true reset)
	FullRankSteps      int     `toml:"full_rank_steps" json:"full_rank_steps,omitempty"`                   // relora: full-rank warm start, counted in train.steps
	DeadStart          bool    `toml:"dead_start" json:"dead_start,omitempty" identity:"numbers,omitzero"` // relora compat: A = B = 0 at wrap time (relora#18)
}

// kinds lists the methods, the full-rank ones first.
func kinds() []string {
	return []string{"adamw", "sgd", "adafactor", "adamw8bit", "lowrank", "lora", "relora", "galore"}
}

// optimizers lists the base optimizers: the full-rank kinds.
func optimizers() []string { return kinds()[:4] }

func inits() []string  { return []string{"matched", "spectral", "kaiming"} }
func resets() []string { return []string{"none", "zero", "random", "magnitude"} }

func projectors() []string {
	return []string{"svd", "range_finder", "stiefel", "gaussian", "coordinate"}
}
func projectorDtypes() []string { return []string{Float32, BFloat16, "int8", "int4"} }
func momentChoices() []string   { return []string{"carry", "reset", "rotate"} }

// kindKeys lists the keys that a kind adds to those of every method and of its
// optimizer.
func kindKeys(kind string) []string {
	lora := []string{"rank", "targets", "lora_alpha", "lora_dropout", "scaling"}
	switch kind {
	case "lowrank":
		return []string{"rank", "targets", "init", "lora_alpha"}
	case "lora":
		return lora
	case "relora":
		return append(lora, "merge_every", "cycle_length", "restart_warmup_steps", "merge_at", "reset", "reset_ratio", "reset_step", "full_rank_steps", "dead_start")
	case "galore":
		return []string{"rank", "targets", "update_proj_gap", "scale", "proj_type", "projector", "projector_dtype", "moments", "reset_step"}
	}
	return nil
}

func optimizerKeys(optimizer string) []string {
	switch optimizer {
	case "adamw":
		return []string{"convention", "betas", "eps"}
	case "adamw8bit":
		return []string{"betas", "eps", "block_size", "min_8bit_size"}
	case "sgd":
		return []string{"momentum"}
	case "adafactor":
		return []string{"momentum", "decay_rate", "clip_threshold"}
	}
	return nil
}

// keepsState reports whether the method has state or projectors in the format of
// train.state_dtype: 8-bit moments have formats of their own, SGD without
// momentum has no state, and Adafactor's second moments are float32.
func (m Method) keepsState() bool {
	switch {
	case m.Kind == "galore" && m.ProjectorDtype == "":
		return true
	case m.Optimizer == "adamw8bit":
		return false
	case m.Optimizer == "sgd", m.Optimizer == "adafactor":
		return m.Momentum != 0
	}
	return true
}

// commonKeys lists the keys of every method.
func commonKeys() []string {
	return []string{"name", "kind", "optimizer", "lr", "lr_groups", "weight_decay", "decay"}
}

// baseOptimizer returns the optimizer a method has before any is named.
func baseOptimizer(kind string) string {
	if slices.Contains(optimizers(), kind) {
		return kind
	}
	return "adamw"
}

// has reports whether the method has the key, and if not, what has it. An
// unknown kind or optimizer, which is a problem of its own, has every key.
func (m Method) has(key string) (ok bool, needs string) {
	if !slices.Contains(kinds(), m.Kind) {
		return true, ""
	}
	optimizer := m.Optimizer
	if slices.Contains(optimizers(), m.Kind) {
		optimizer = m.Kind
	}
	inKind := slices.Contains(kindKeys(m.Kind), key)
	switch {
	case slices.Contains(commonKeys(), key), slices.Contains(optimizerKeys(optimizer), key):
		return true, ""
	case m.Kind == "lowrank" && key == "lora_alpha":
		return m.Init == "kaiming" || !slices.Contains(inits(), m.Init), `init "kaiming" (the other starts have s = 1)`
	case inKind && key == "reset_ratio":
		return m.Reset == "random" || m.Reset == "magnitude" || !slices.Contains(resets(), m.Reset), `reset "random" or "magnitude"`
	case inKind && key == "reset_step" && m.Kind == "galore":
		return m.Moments == "reset" || !slices.Contains(momentChoices(), m.Moments), `moments "reset"`
	case inKind && key == "reset_step":
		return m.Reset != "none", "a reset"
	case inKind:
		return true, ""
	}
	var owners []string
	for _, kind := range kinds() {
		if slices.Contains(kindKeys(kind), key) {
			owners = append(owners, kind)
		}
	}
	if len(owners) > 0 {
		return false, "kind " + joinOr(owners) + "; this is " + m.Kind
	}
	for _, o := range optimizers() {
		if slices.Contains(optimizerKeys(o), key) {
			owners = append(owners, o)
		}
	}
	if !slices.Contains(optimizers(), optimizer) {
		return true, ""
	}
	return false, "optimizer " + joinOr(owners) + "; this is " + optimizer
}

// fillDefaults, per kind. All: optimizer the kind itself (full rank) or
// "adamw", weight_decay 0, decay "before". adamw: convention "torch", betas
// [0.9, 0.999], eps 1e-8, shared by all methods on purpose. adamw8bit: betas
// [0.9, 0.999], eps 1e-8, block_size 256, min_8bit_size 4096 (bitsandbytes). sgd: momentum 0.9.
// adafactor: momentum 0, decay_rate 0.8, clip_threshold 1 (1804.04235).
// Low-rank kinds: targets attn and mlp. galore: update_proj_gap 200, scale
// 0.25, proj_type "std" (2403.03507), projector "range_finder", kept as state is, moments
// "carry"; with "reset", reset_step. lowrank: init "matched". lora, relora:
// lora_alpha 32, lora_dropout 0, scaling "alpha_over_r". relora: cycle_length =
// merge_every, restart_warmup_steps the smaller of 100 (2307.05695) and a tenth of the cycle,
// merge_at "boundary", reset "zero" with reset_step, reset_ratio 0.999
// (random) or 0.9 (magnitude), no full-rank start. lr, rank and merge_every
// have no default.
func (m *Method) fillDefaults(explicit func(string) bool, t Train) {
	setDefault(explicit, "method.optimizer", &m.Optimizer, baseOptimizer(m.Kind))
	setDefault(explicit, "method.decay", &m.Decay, "before")
	switch m.Optimizer {
	case "adamw":
		setDefault(explicit, "method.convention", &m.Convention, "torch")
		setDefault(explicit, "method.betas", &m.Betas, []float64{0.9, 0.999})
		setDefault(explicit, "method.eps", &m.Eps, 1e-8)
	case "adamw8bit":
		setDefault(explicit, "method.betas", &m.Betas, []float64{0.9, 0.999})
		setDefault(explicit, "method.eps", &m.Eps, 1e-8)
		setDefault(explicit, "method.block_size", &m.BlockSize, 256)
		setDefault(explicit, "method.min_8bit_size", &m.Min8bitSize, 4096)
	case "sgd":
		setDefault(explicit, "method.momentum", &m.Momentum, 0.9)
	case "adafactor":
		setDefault(explicit, "method.decay_rate", &m.DecayRate, 0.8)
		setDefault(explicit, "method.clip_threshold", &m.ClipThreshold, 1)
	}
	if slices.Contains(kindKeys(m.Kind), "targets") {
		setDefault(explicit, "method.targets", &m.Targets, []string{"attn", "mlp"})
	}
	switch m.Kind {
	case "galore":
		setDefault(explicit, "method.update_proj_gap", &m.UpdateProjGap, 200)
		setDefault(explicit, "method.scale", &m.Scale, 0.25)
		setDefault(explicit, "method.proj_type", &m.ProjType, "std")
		setDefault(explicit, "method.projector", &m.Projector, "range_finder")
		setDefault(explicit, "method.moments", &m.Moments, "carry")
		setDefault(explicit, "method.reset_step", &m.ResetStep, m.Moments == "reset")
	case "lowrank":
		setDefault(explicit, "method.init", &m.Init, "matched")
	case "relora":
		setDefault(explicit, "method.cycle_length", &m.CycleLength, m.MergeEvery)
		if t.Scheduler == jaggedCosine {
			setDefault(explicit, "method.restart_warmup_steps", &m.RestartWarmupSteps, min(100, m.CycleLength/10))
		}
		setDefault(explicit, "method.merge_at", &m.MergeAt, "boundary")
		setDefault(explicit, "method.reset", &m.Reset, "zero")
		setDefault(explicit, "method.reset_step", &m.ResetStep, m.Reset == "zero")
		switch m.Reset {
		case "random":
			setDefault(explicit, "method.reset_ratio", &m.ResetRatio, 0.999)
		case "magnitude":
			setDefault(explicit, "method.reset_ratio", &m.ResetRatio, 0.9)
		}
	}
	if m.Kind == "lora" || m.Kind == "relora" || m.Kind == "lowrank" && m.Init == "kaiming" {
		setDefault(explicit, "method.lora_alpha", &m.LoraAlpha, 32)
	}
	if slices.Contains(kindKeys(m.Kind), "scaling") {
		setDefault(explicit, "method.scaling", &m.Scaling, "alpha_over_r")
	}
}

// roles lists the parameter roles that lr_groups may name.
func roles() []string {
	return []string{string(models.Embedding), string(models.Attention), string(models.MLP), string(models.Norm), string(models.Head)}
}

// basesAsState names the format of GaLore's bases when they are kept as state is:
// rounded to nearest, even where state is rounded stochastically.
func (r Run) basesAsState() string {
	if r.Train.StateDtype == Float32 || r.Train.StateDtype == "" {
		return Float32
	}
	return BFloat16
}

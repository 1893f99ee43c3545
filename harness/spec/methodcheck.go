package spec

import "slices"

// check reports everything that is wrong with the method's values.
func (m Method) check(c *checker, r Run) {
	if !c.isSet("method.kind") && m.Kind == "" {
		hint := "kinds: " + joinOr(kinds())
		if slices.Contains(kinds(), m.Name) {
			hint = `kind = "` + m.Name + `"`
		}
		c.missing("method.kind", hint)
		return
	}
	c.oneOf("method.kind", m.Kind, kinds()...)
	c.oneOf("method.optimizer", m.Optimizer, optimizers()...)
	c.require("method.lr", "the learning rate has no default: it is tuned per method")
	c.positive("method.lr", m.LR)
	for _, role := range roles() {
		if factor, ok := m.LRGroups[role]; ok {
			c.positive("method.lr_groups."+role, factor)
		}
	}
	if !slices.Contains(kinds(), m.Kind) {
		return
	}
	if base := baseOptimizer(m.Kind); slices.Contains(optimizers(), m.Kind) && m.Optimizer != base && !c.skip("method.optimizer") {
		c.fail("method.optimizer", "kind %q is its own optimizer; optimizer = %q contradicts it", m.Kind, m.Optimizer)
	}
	m.checkOptimizer(c)
	if len(kindKeys(m.Kind)) > 0 {
		m.checkRank(c, r.Model)
	}
	switch m.Kind {
	case "galore":
		if m.UpdateProjGap != Never {
			c.atLeast("method.update_proj_gap", int(m.UpdateProjGap), 1)
		}
		c.positive("method.scale", m.Scale)
		c.oneOf("method.proj_type", m.ProjType, "std", "reverse_std", "left", "right", "full")
		m.checkRefresh(c)
	case "lowrank":
		c.oneOf("method.init", m.Init, inits()...)
	case "relora":
		m.checkMerges(c, r.Train)
	}
	if ok, _ := m.has("lora_alpha"); ok {
		c.positive("method.lora_alpha", m.LoraAlpha)
	}
	if ok, _ := m.has("scaling"); ok {
		c.oneOf("method.scaling", m.Scaling, "alpha_over_r", "alpha_over_sqrt_r", "fixed")
		c.fraction("method.lora_dropout", m.LoraDropout)
	}
	if r.Train.Scheduler == jaggedCosine && m.Kind != "relora" && !c.skip("train.scheduler", "method.kind") {
		c.failHint([]string{"train.scheduler"}, `set it for relora alone: train.scheduler = "jagged_cosine" in its [method] table`,
			"scheduler \"jagged_cosine\" restarts with ReLoRA's cycle_length, which %s does not have", m.Kind)
	}
}

func (m Method) checkAdam(c *checker) {
	c.positive("method.eps", m.Eps)
	if c.skip("method.betas") {
		return
	}
	if len(m.Betas) != 2 {
		c.fail("method.betas", "betas needs two numbers, has %d", len(m.Betas))
	}
	for _, beta := range m.Betas {
		if !(beta >= 0 && beta < 1) {
			c.fail("method.betas", "betas must lie in [0, 1): %v does not", beta)
		}
	}
}

func (m Method) checkOptimizer(c *checker) {
	c.notNegative("method.weight_decay", m.WeightDecay)
	c.oneOf("method.decay", m.Decay, "before", "after", "l2")
	switch m.Optimizer {
	case "adamw":
		c.oneOf("method.convention", m.Convention, "torch", "galore")
		m.checkAdam(c)
	case "adamw8bit":
		m.checkAdam(c)
		if b := m.BlockSize; (b < 64 || b > 4096 || b&(b-1) != 0) && !c.skip("method.block_size") {
			c.fail("method.block_size", "block_size must be a power of two from 64 to 4096, is %d", b)
		}
		c.atLeast("method.min_8bit_size", m.Min8bitSize, 0)
	case "sgd":
		c.fraction("method.momentum", m.Momentum)
	case "adafactor":
		c.fraction("method.momentum", m.Momentum)
		c.number(m.DecayRate > 0 && m.DecayRate <= 1, "method.decay_rate", "lie in (0, 1]", m.DecayRate)
		c.positive("method.clip_threshold", m.ClipThreshold)
	}
}

// checkRank holds the rank below the smaller side of every target.
func (m Method) checkRank(c *checker, model Model) {
	c.require("method.rank", "the rank of every target matrix")
	c.atLeast("method.rank", m.Rank, 1)
	if !c.skip("method.targets") {
		if len(m.Targets) == 0 {
			c.fail("method.targets", "targets is empty: nothing would be %s", map[bool]string{true: "projected", false: "adapted"}[m.Kind == "galore"])
		}
		for i, target := range m.Targets {
			c.oneOf("method.targets", target, "attn", "mlp")
			if slices.Contains(m.Targets[:i], target) {
				c.fail("method.targets", "targets names %q twice", target)
			}
		}
	}
	side := model.HiddenSize
	if slices.Contains(m.Targets, "mlp") {
		side = min(side, model.IntermediateSize)
	}
	if side > 0 && m.Rank > side && !c.skip("method.rank", "model.hidden_size", "model.intermediate_size", "model.preset") {
		c.fail("method.rank", "rank %d is above %d, the smaller side of the target matrices (hidden_size %d, intermediate_size %d)", m.Rank, side, model.HiddenSize, model.IntermediateSize)
	}
}

// checkRefresh holds what GaLore does at a refresh.
func (m Method) checkRefresh(c *checker) {
	c.oneOf("method.projector", m.Projector, projectors()...)
	if m.ProjectorDtype != "" {
		c.oneOf("method.projector_dtype", m.ProjectorDtype, projectorDtypes()...)
	}
	c.oneOf("method.moments", m.Moments, momentChoices()...)
	without := m.Momentum == 0 && (m.Optimizer == "sgd" || m.Optimizer == "adafactor" && m.Moments == "rotate")
	if m.Moments != "carry" && slices.Contains(momentChoices(), m.Moments) && without && !c.skip("method.moments", "method.momentum", "method.optimizer") {
		c.failAt([]string{"method.moments", "method.momentum", "method.optimizer"},
			"moments %q has nothing to act on: optimizer %s with momentum 0 keeps no first moment", m.Moments, m.Optimizer)
	}
}

// checkMerges holds ReLoRA's clocks together: K − full_rank_steps updates in
// whole cycles, each of which has room for its warm-up (2307.05695).
func (m Method) checkMerges(c *checker, t Train) {
	c.require("method.merge_every", "updates between merges")
	c.atLeast("method.merge_every", m.MergeEvery, 1)
	c.atLeast("method.cycle_length", m.CycleLength, 1)
	c.atLeast("method.restart_warmup_steps", m.RestartWarmupSteps, 0)
	c.atLeast("method.full_rank_steps", m.FullRankSteps, 0)
	c.oneOf("method.merge_at", m.MergeAt, "boundary", "reference")
	c.oneOf("method.reset", m.Reset, resets()...)
	if ok, _ := m.has("reset_ratio"); ok {
		c.between("method.reset_ratio", m.ResetRatio, 0, 1)
	}
	if m.MergeAt == "reference" {
		// An update that follows a multiple of 1 does not exist.
		c.atLeast("method.merge_every", m.MergeEvery, 2)
		c.atLeast("method.cycle_length", m.CycleLength, 2)
	}
	full := []string{"method.full_rank_steps", "train.steps"}
	if m.FullRankSteps > 0 && t.Steps > 0 && m.FullRankSteps >= t.Steps && !c.skip(full...) {
		c.failAt(full, "full_rank_steps %d must be smaller than steps %d, which count them", m.FullRankSteps, t.Steps)
		return
	}
	cycle := []string{"method.cycle_length", "method.merge_every", "train.steps", "method.full_rank_steps"}
	if t.Scheduler != jaggedCosine || m.CycleLength < 1 || t.Steps < 1 || c.skip(cycle...) || c.skip("train.warmup_steps", "method.restart_warmup_steps", "train.scheduler") {
		return
	}
	local := t.Steps - m.FullRankSteps
	if local%m.CycleLength != 0 {
		what := "steps"
		if m.FullRankSteps > 0 {
			what = "steps − full_rank_steps"
		}
		c.failAt(cycle, "jagged_cosine runs in whole cycles: %s = %d is not a multiple of cycle_length %d", what, local, m.CycleLength)
	}
	if warmup := []string{"train.warmup_steps", "method.full_rank_steps", "train.steps"}; t.WarmupSteps >= local && m.FullRankSteps > 0 {
		c.failAt(warmup, "warmup_steps %d must be smaller than the %d updates after full_rank_steps", t.WarmupSteps, local)
	}
	if t.WarmupSteps > m.CycleLength {
		c.failAt([]string{"train.warmup_steps", "method.cycle_length", "method.merge_every"}, "warmup_steps %d is longer than the first cycle, cycle_length %d", t.WarmupSteps, m.CycleLength)
	}
	if m.RestartWarmupSteps > m.CycleLength {
		c.failAt([]string{"method.restart_warmup_steps", "method.cycle_length", "method.merge_every"}, "restart_warmup_steps %d is longer than cycle_length %d", m.RestartWarmupSteps, m.CycleLength)
	}
}

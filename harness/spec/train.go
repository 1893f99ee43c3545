package spec

const jaggedCosine = "jagged_cosine"

// Train is the protocol that all methods of an experiment share.
type Train struct {
	Steps          int     `toml:"steps" json:"steps"`                       // K, number of updates
	TotalBatchSize int     `toml:"total_batch_size" json:"total_batch_size"` // sequences per update
	BatchSize      int     `toml:"batch_size" json:"batch_size"`             // sequences per micro-batch
	MaxLength      int     `toml:"max_length" json:"max_length"`             // tokens per sequence
	WarmupSteps    int     `toml:"warmup_steps" json:"warmup_steps"`
	Scheduler      string  `toml:"scheduler" json:"scheduler"` // "constant" | "linear" | "cosine" | "jagged_cosine"
	MinLRRatio     float64 `toml:"min_lr_ratio" json:"min_lr_ratio"`
	GradClipping   float64 `toml:"grad_clipping" json:"grad_clipping"`                                 // global L2 norm; 0 = off
	MicrobatchMean bool    `toml:"microbatch_mean" json:"microbatch_mean" identity:"numbers,omitzero"` // compat: average per micro-batch instead of per token
	Layerwise      bool    `toml:"layerwise" json:"layerwise" identity:"run"`                          // execution: update each parameter as soon as its gradient is complete

	Dtype      string `toml:"dtype" json:"dtype" identity:"numbers,omit=float32"`             // of the weights: "float32" | "bfloat16" | "bfloat16_stochastic"
	StateDtype string `toml:"state_dtype" json:"state_dtype" identity:"numbers,omit=float32"` // of optimizer state and projectors

	// execution: keep only the input of each block and compute the rest again in the backward pass
	ActivationCheckpointing bool `toml:"activation_checkpointing" json:"activation_checkpointing" identity:"run,omitzero"`
	LogEvery                int  `toml:"log_every" json:"log_every" identity:"-"`                        // steps between train rows
	CheckpointEvery         int  `toml:"checkpoint_every" json:"checkpoint_every" identity:"-"`          // steps between checkpoints; 0 = only when stopped
	KeepCheckpoints         int  `toml:"keep_checkpoints" json:"keep_checkpoints" identity:"-,omitzero"` // earlier checkpoints that stay beside the newest; one does while the run trains
	DigestEvery             int  `toml:"digest_every" json:"digest_every" identity:"-,omitzero"`         // steps between digests of weights and states; 0 = only that of the result
}

// fillDefaults: batch_size = total_batch_size (no accumulation), warmup_steps a
// tenth of steps, as in 2403.03507; scheduler "cosine" down to min_lr_ratio 0.1;
// no clipping; everything kept in float32; a train row every 10 steps; every 100 a
// checkpoint, of which the last one stays, and a row of digests. steps,
// total_batch_size and max_length have no default.
func (t *Train) fillDefaults(explicit func(string) bool) {
	setDefault(explicit, "train.batch_size", &t.BatchSize, t.TotalBatchSize)
	setDefault(explicit, "train.warmup_steps", &t.WarmupSteps, t.Steps/10)
	setDefault(explicit, "train.scheduler", &t.Scheduler, "cosine")
	setDefault(explicit, "train.min_lr_ratio", &t.MinLRRatio, 0.1)
	setDefault(explicit, "train.dtype", &t.Dtype, Float32)
	setDefault(explicit, "train.state_dtype", &t.StateDtype, Float32)
	setDefault(explicit, "train.log_every", &t.LogEvery, 10)
	setDefault(explicit, "train.checkpoint_every", &t.CheckpointEvery, 100)
	setDefault(explicit, "train.digest_every", &t.DigestEvery, 100)
}

// The formats in which weights and state are kept. Computation is in float32.
const (
	Float32            = "float32"
	BFloat16           = "bfloat16"            // rounded to nearest
	BFloat16Stochastic = "bfloat16_stochastic" // rounded up or down at random, right on average
)

func dtypes() []string { return []string{Float32, BFloat16, BFloat16Stochastic} }

func schedulers() []string { return []string{"constant", "linear", "cosine", jaggedCosine} }

// What a run reads at most, in positions: in all, and in one update. No count and
// no size of a run overflows below these bounds and those of a model.
const (
	maxPositions       = 1e15 // steps × total_batch_size × max_length
	maxUpdatePositions = 1e9  // total_batch_size × max_length
)

func (t Train) check(c *checker) {
	c.require("train.steps", "the number of updates")
	c.require("train.total_batch_size", "sequences per update")
	c.require("train.max_length", "tokens per sequence")
	c.atLeast("train.steps", t.Steps, 1)
	c.atLeast("train.total_batch_size", t.TotalBatchSize, 1)
	c.atLeast("train.batch_size", t.BatchSize, 1)
	c.atLeast("train.max_length", t.MaxLength, 2)
	c.atLeast("train.warmup_steps", t.WarmupSteps, 0)
	c.atLeast("train.log_every", t.LogEvery, 1)
	c.atLeast("train.checkpoint_every", t.CheckpointEvery, 0)
	c.atLeast("train.keep_checkpoints", t.KeepCheckpoints, 0)
	c.atLeast("train.digest_every", t.DigestEvery, 0)
	c.oneOf("train.scheduler", t.Scheduler, schedulers()...)
	c.oneOf("train.dtype", t.Dtype, dtypes()...)
	c.oneOf("train.state_dtype", t.StateDtype, dtypes()...)
	c.notNegative("train.grad_clipping", t.GradClipping)
	if !(t.MinLRRatio >= 0 && t.MinLRRatio <= 1) && !c.skip("train.min_lr_ratio") {
		c.fail("train.min_lr_ratio", "min_lr_ratio must lie in [0, 1], is %v", t.MinLRRatio)
	}
	batch := []string{"train.batch_size", "train.total_batch_size"}
	if t.BatchSize > 0 && t.TotalBatchSize > 0 && t.TotalBatchSize%t.BatchSize != 0 && !c.skip(batch...) {
		c.failAt(batch, "total_batch_size %d is not a multiple of batch_size %d", t.TotalBatchSize, t.BatchSize)
	}
	warmup := []string{"train.warmup_steps", "train.steps"}
	if t.Steps > 0 && t.WarmupSteps >= t.Steps && !c.skip(warmup...) {
		c.failAt(warmup, "warmup_steps %d must be smaller than steps %d", t.WarmupSteps, t.Steps)
	}
	if product := float64(t.Steps) * float64(t.TotalBatchSize) * float64(t.MaxLength); product > maxPositions && !c.skip("train.steps", "train.total_batch_size", "train.max_length") {
		c.failAt([]string{"train.steps", "train.total_batch_size", "train.max_length"}, "the run would read %.2g positions; the limit is %g", product, float64(maxPositions))
	}
	if update := float64(t.TotalBatchSize) * float64(t.MaxLength); update > maxUpdatePositions && !c.skip("train.total_batch_size", "train.max_length") {
		c.failAt([]string{"train.total_batch_size", "train.max_length"}, "an update would read %.2g positions; the limit is %g", update, float64(maxUpdatePositions))
	}
	t.checkLayerwise(c)
}

// checkLayerwise refuses what updating at once cannot do: the global norm is
// known only after the whole backward pass, and a gradient is complete only
// after the last micro-batch.
func (t Train) checkLayerwise(c *checker) {
	if !t.Layerwise || c.skip("train.layerwise") {
		return
	}
	if t.GradClipping > 0 && !c.skip("train.grad_clipping") {
		c.failAt([]string{"train.layerwise", "train.grad_clipping"}, "layerwise updates each parameter before the global gradient norm is known, so grad_clipping = %v cannot be honoured", t.GradClipping)
	}
	if t.BatchSize > 0 && t.TotalBatchSize > t.BatchSize && !c.skip("train.batch_size", "train.total_batch_size") {
		c.failAt([]string{"train.layerwise", "train.batch_size"}, "layerwise updates each parameter after one micro-batch, so total_batch_size %d cannot be accumulated from batches of %d", t.TotalBatchSize, t.BatchSize)
	}
}

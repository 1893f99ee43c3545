package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/tensor"
)

// probeTokens is the number of tokens of a pass from which on its time grows
// with them: a larger micro-batch is timed with as many sequences as hold this
// many, and one with fewer as it is.
const probeTokens = 2048

// probeSteps is the length of a run that is timed: longer than anything that is
// done to it, so that it never comes to a merge, a refresh or its end by itself.
const probeSteps = 1 << 30

// probeGap is the refresh interval of what is timed; it changes nothing in what
// a refresh costs.
const probeGap = 1 << 20

// shape returns the run that stands for all runs of the same speed per token
// and layer: what does not determine speed has the same value in all of them.
// Depth is one of these: seconds are straight lines in it (see [Line]). So are
// the number of micro-batches and, from [probeTokens] on, their size. The shape
// trains a full-rank warm start to its end where the run does nothing else; see
// phases.
func shape(s spec.Run) spec.Run {
	s.Seed, s.Data, s.Init, s.Eval = spec.Seed{}, spec.Data{}, spec.Init{}, spec.Eval{Every: 1, Tokens: 1, BatchSize: 1}
	s.Diagnostics = spec.Diagnostics{}

	m := &s.Model
	m.Preset, m.NumHiddenLayers = "", 0
	m.RMSNormEps, m.InitializerRange, m.RopeTheta = 1e-6, 0.02, 1e4

	t := &s.Train
	t.BatchSize = min(t.BatchSize, max(1, probeTokens/t.MaxLength))
	t.TotalBatchSize, t.MicrobatchMean = t.BatchSize, false
	t.Steps, t.WarmupSteps, t.Scheduler, t.MinLRRatio = probeSteps, 0, "constant", 0
	t.LogEvery, t.CheckpointEvery = probeSteps, 0
	t.GradClipping = presence(t.GradClipping, 1)

	// Values of the learning rule change no time, as long as they are there: a
	// small rate keeps the numbers ordinary ones.
	p := &s.Method
	p.Name, p.LR, p.LRGroups = "", 1e-5, nil
	p.WeightDecay = presence(p.WeightDecay, 0.1)
	p.LoraDropout = presence(p.LoraDropout, 0.1)
	p.Momentum = presence(p.Momentum, 0.9)
	switch p.Optimizer {
	case "adamw", "adamw8bit":
		p.Betas, p.Eps = []float64{0.9, 0.999}, 1e-8
	case "adafactor":
		p.DecayRate, p.ClipThreshold = 0.8, 1
	}
	if p.LoraAlpha != 0 {
		p.LoraAlpha = 1
	}
	switch p.Kind {
	case "galore":
		p.UpdateProjGap, p.Scale = probeGap, 1
		if p.Moments == "reset" { // zeroing takes no time worth measuring
			p.Moments, p.ResetStep = "carry", false
		}
	case "relora":
		p.MergeEvery, p.CycleLength, p.RestartWarmupSteps = probeSteps, probeSteps, 0
		p.MergeAt, p.Reset, p.ResetRatio, p.ResetStep, p.DeadStart = "boundary", "zero", 0, true, false
		if p.FullRankSteps > 0 {
			p.FullRankSteps = probeSteps - 1
			break
		}
		// Between two merges it is LoRA: timed once for both.
		p.Kind, p.MergeEvery, p.CycleLength, p.MergeAt, p.Reset, p.ResetStep = "lora", 0, 0, "", "", false
	}
	return s
}

// presence replaces a positive setting by one value for all.
func presence(x, value float64) float64 {
	if x > 0 {
		return value
	}
	return x
}

// A phase is a part of a run in which every update takes the same time.
type phase struct {
	run     spec.Run // trains all its updates as the phase does
	updates int
}

// phases divides what is left of a run after some updates: ReLoRA's full-rank
// warm start trains other parameters than what follows it.
func phases(s spec.Run, done int) []phase {
	warm := s.Method.FullRankSteps
	if s.Method.Kind != "relora" || warm == 0 {
		return []phase{{s, s.Train.Steps - done}}
	}
	adapters := s
	adapters.Method.FullRankSteps = 0
	adapters.Train.Scheduler, adapters.Train.WarmupSteps = "constant", 0 // the schedule of the whole run need not fit this one
	after := s.Train.Steps - max(done, warm)
	if done >= warm {
		return []phase{{adapters, after}}
	}
	return []phase{{s, warm - done}, {adapters, after}}
}

// calibrationSchema is raised when what is timed, or how, changes.
const calibrationSchema = 2

// A machine is what the speed of a shape depends on beside the program.
type machine struct {
	CPU     string `json:"cpu"`
	ISA     string `json:"isa"`
	Threads int    `json:"threads"`
}

// machineOf describes this machine, used by the threads of one run.
func machineOf(d *tensor.Device) machine {
	return machine{CPU: record.ThisCPU().Model, ISA: d.ISA().String(), Threads: d.Threads()}
}

// key names a calibration: runs with equal keys have equal speed. A setting
// that comes to the spec later becomes part of it by itself.
func key(m machine, shape spec.Run) string {
	doc, err := json.Marshal(struct {
		Schema  int     `json:"schema"`
		Machine machine `json:"machine"`
		Shape   string  `json:"shape"`
	}{calibrationSchema, m, shape.RunID(spec.Digests{})})
	if err != nil {
		panic("plan: " + err.Error()) // strings and numbers only
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}

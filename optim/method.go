// Package optim defines what a training method is, and holds the base
// optimizers and the learning-rate schedules.
package optim

import (
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/tensor"
)

// A Method turns gradients into weight updates. It may also be a [Reporter] and
// [Phased].
//
// A parameter that is not frozen receives exactly one Update per step, in the
// order in which the backward pass completes gradients. Which parameters are
// frozen, and State, change only in EndStep.
//
// Whatever depends on time (bias correction, refreshes, merges, phases) is a
// function of the step number: a run that is resumed needs the weights, those
// of frozen parameters included, the buffers of State, and the number of
// updates applied.
type Method interface {
	// Attach is called once, before the model is allocated. It may freeze
	// parameters, add adapters or factor linears (as structure: shapes and Init
	// functions), and it allocates the method's own state through the ledger,
	// all of it as it is after env.Start updates. With a predicting ledger
	// there are shapes and no data.
	Attach(m *models.Llama, env Env) error
	// Update applies the gradient of one step to one parameter. It may
	// overwrite grad.
	Update(p *models.Param, grad tensor.Matrix, s Step)
	// EndStep runs after the last Update of a step (ReLoRA merges here). A
	// checkpoint after it counts s.N + 1 updates applied.
	EndStep(s Step) error
	// State lists every persistent buffer that exists now, by name:
	// checkpoints save and restore exactly these. The list and its order are
	// those of a fresh Attach at the same number of updates.
	State() []Buffer
}

// An Env is what a method works with.
type Env struct {
	Device *tensor.Device
	Ledger *memory.Ledger // may be predicting: then no data exists
	Key    random.Key     // New(seed.init); a method derives named streams from it
	Start  int            // updates already applied when a checkpoint is resumed, else 0
	Steps  int            // planned number of updates K
	// State is how optimizer state and projectors are kept.
	State tensor.Precision
}

// A Step identifies one update.
type Step struct {
	N  int     // 0-based global update
	LR float64 // lr·μ(N): the scheduled learning rate, before group factors
}

// A Buffer is one persistent tensor of a method's state.
type Buffer struct {
	Name string // parameter name + "." + kind: "….q_proj.weight.exp_avg"
	Data tensor.Store
}

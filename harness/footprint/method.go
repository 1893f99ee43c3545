package footprint

import (
	"fmt"
	"slices"

	"ranklab/models"
)

// A Method is what the memory of a training method depends on. Names are those
// of an experiment's [method.NAME] table.
type Method struct {
	Kind      string // "adamw" | "sgd" | "adafactor" | "adamw8bit" (full rank) | "lowrank" | "lora" | "relora" | "galore"
	Optimizer string // base optimizer of a low-rank kind; "" is "adamw". Of a full-rank kind, the kind itself
	Momentum  bool   // adafactor: keep a first moment; sgd always keeps its momentum
	Rank      int    // r of the low-rank kinds. GaLore takes min(r, out, in); a factor larger than its weight is refused
	ProjType  string // galore: "std" | "reverse_std" | "left" | "right" | "full"; "" is "std"

	// ProjectorDtype is how GaLore keeps a basis: "" in 2 bytes per value like
	// everything else, "int8" and "int4" in a byte or half a byte, and 5 bytes per
	// 256 values (2407.08296).
	ProjectorDtype string

	// Block is the number of elements that share a constant in adamw8bit
	// (2110.02861): a byte per moment and two float32 constants per block. Tensors
	// of fewer than 4096 elements keep float32 moments, and projectors their 2
	// bytes. 0 is 256, that of bitsandbytes, which had 2048.
	Block int

	// Layerwise updates each tensor as soon as its gradient is complete: there
	// is one gradient at a time, and room for the largest.
	Layerwise bool
}

var (
	fullRank   = []string{"adamw", "sgd", "adafactor", "adamw8bit"}
	lowRank    = []string{"lowrank", "lora", "relora", "galore"}
	projTypes  = []string{"", "std", "reverse_std", "left", "right", "full"}
	dtypes     = []string{"", "int8", "int4"}
	optimizers = fullRank
)

// optimizer returns the base optimizer.
func (m Method) optimizer() string {
	switch {
	case slices.Contains(fullRank, m.Kind):
		return m.Kind
	case m.Optimizer == "":
		return "adamw"
	}
	return m.Optimizer
}

// block returns the elements per block of 8-bit moments; 0: there are none.
func (m Method) block() int64 {
	switch {
	case m.optimizer() != "adamw8bit":
		return 0
	case m.Block == 0:
		return 256
	}
	return int64(m.Block)
}

// check reports what makes no sense for a model.
func (m Method) check(c models.Config) error {
	switch least := min(c.HiddenSize, c.IntermediateSize); {
	case !slices.Contains(fullRank, m.Kind) && !slices.Contains(lowRank, m.Kind):
		return fmt.Errorf("unknown kind of method %q", m.Kind)
	case !slices.Contains(optimizers, m.optimizer()):
		return fmt.Errorf("unknown optimizer %q", m.Optimizer)
	case m.Block != 0 && (m.Block < 0 || m.optimizer() != "adamw8bit"):
		return fmt.Errorf("blocks of %d elements need adamw8bit and a positive number", m.Block)
	case m.ProjectorDtype != "" && (m.Kind != "galore" || !slices.Contains(dtypes, m.ProjectorDtype)):
		return fmt.Errorf("projector_dtype %q needs galore and one of %q", m.ProjectorDtype, dtypes[1:])
	case slices.Contains(fullRank, m.Kind):
		return nil
	case m.Rank < 1:
		return fmt.Errorf("rank %d must be positive", m.Rank)
	case m.Kind == "galore" && !slices.Contains(projTypes, m.ProjType):
		return fmt.Errorf("proj_type %q is not one of %q", m.ProjType, projTypes[1:])
	case m.Kind != "galore" && m.Rank > least:
		return fmt.Errorf("%s: rank %d is above min(out, in) = %d of the model's linear weights", m.Kind, m.Rank, least)
	}
	return nil
}

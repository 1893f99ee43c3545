package footprint

import (
	"slices"

	"ranklab/models"
)

// G is the unit of the paper's memory column, in bytes. It is not stated there;
// this one reproduces the printed numbers.
const G = 1024_000_000

// A Rule is the memory of the paper's column, in bytes.
type Rule struct {
	Weights int64 `json:"weights"`
	States  int64 `json:"states"`
}

// Total returns the sum of both.
func (r Rule) Total() int64 { return r.Weights + r.States }

// nominal returns the number of parameters that a preset's name stands for in
// the paper's column; 0: it has none.
func nominal(preset string) int64 {
	return map[string]int64{"60m": 60e6, "130m": 130e6, "350m": 350e6, "1b": 1_331_200_000}[preset]
}

// Paper returns the memory of the paper's column for one of its four models,
// by a rule that was fitted to 2403.03507, Table 6. With N the nominal size,
// A = Lr(8d + 3(d+f)) the elements of all factors of the targets and
// T = A + 2Vd, in bytes:
//
//	            weights    states
//	adamw       2N         4N
//	galore      2N         3T
//	lowrank     2T         4T
//	(re)lora    2(N + T)   4T
//
// It differs from the paper's own Table 1 in two ways. The weights of LoRA
// count embedding and head twice, in N and in T. The states of GaLore are
// 1.5(m+n)r for a target, there mr + 2nr, and 1.5 for an element of embedding
// and head, which have two moments.
//
// There is no such column for other presets, optimizers and projections.
func Paper(preset string, m Method) (Rule, bool) {
	c, _ := models.Preset(preset)
	size := nominal(preset)
	std := m.ProjType == "" || m.ProjType == "std"
	if size == 0 || m.optimizer() != "adamw" || m.Block != 0 || m.ProjectorDtype != "" || !std {
		return Rule{}, false
	}
	t := paperTrained(c, m.Rank)
	switch m.Kind {
	case "adamw":
		return Rule{2 * size, 4 * size}, true
	case "galore":
		return Rule{2 * size, 3 * t}, true
	case "lowrank":
		return Rule{2 * t, 4 * t}, true
	case "lora", "relora":
		return Rule{2 * (size + t), 4 * t}, true
	}
	return Rule{}, false
}

// paperTrained returns T: the factors, embedding and head, without norm gains.
func paperTrained(c models.Config, rank int) int64 {
	d, f := int64(c.HiddenSize), int64(c.IntermediateSize)
	factors := int64(c.NumHiddenLayers) * int64(rank) * (8*d + 3*(d+f))
	return factors + 2*c.Embedding()
}

// Printed returns what 2403.03507, Table 2, prints for the weights and states
// of a method, in [G]. The table has one rank per model.
func Printed(preset string, m Method) (float64, bool) {
	column := slices.Index([]string{"60m", "130m", "350m", "1b"}, preset)
	rank, _ := PaperRank(preset)
	if _, has := Paper(preset, m); !has || column < 0 || m.Kind != "adamw" && m.Rank != rank {
		return 0, false
	}
	lora := [4]float64{0.36, 0.80, 1.76, 6.17}
	return map[string][4]float64{
		"adamw":   {0.36, 0.76, 2.06, 7.80},
		"galore":  {0.24, 0.52, 1.22, 4.38},
		"lowrank": {0.26, 0.54, 1.08, 3.57},
		"lora":    lora,
		"relora":  lora,
	}[m.Kind][column], true
}

// PaperRank returns the rank of a preset in the paper: Table 2, and for 7b the
// script of its single-GPU run.
func PaperRank(preset string) (rank int, ok bool) {
	rank, ok = map[string]int{"60m": 128, "130m": 256, "350m": 256, "1b": 512, "7b": 1024}[preset]
	return rank, ok
}

// DefaultRank returns the paper's rank of a preset, or for one without a
// quarter of hidden_size, as all of them but 130m have.
func DefaultRank(preset string, c models.Config) int {
	if r, ok := PaperRank(preset); ok {
		return r
	}
	return c.HiddenSize / 4
}

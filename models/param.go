package models

import (
	"ranklab/internal/random"
	"ranklab/tensor"
)

// A Role is the part a parameter plays; it decides which methods touch it and
// which learning-rate group it belongs to.
type Role string

// The roles. Attention and MLP are the linear modules that the low-rank
// methods project or adapt ("attn" and "mlp" in the module name).
const (
	Embedding Role = "embed_tokens"
	Attention Role = "attn"
	MLP       Role = "mlp"
	Norm      Role = "norm"
	Head      Role = "lm_head"
)

// A Param is one tensor of the model. Names are Hugging Face's.
type Param struct {
	ID     int           // position in Llama.Params
	Name   string        // "model.layers.3.self_attn.q_proj.weight"
	Role   Role          //
	W      tensor.Matrix // (out, in); a norm gain is (1, hidden_size). No data before Allocate; see Llama.Open
	Kept   tensor.Store  // how W is kept; in float32 they share their values
	Frozen bool          // its gradient is never formed
	Grad   tensor.Matrix // where Backward writes its gradient, in the shape of W; without data: shared scratch
	part   part          // where it is widened, see open.go
	// Adapter marks a factor A or B that a method added (ledger category adapters).
	Adapter bool
	// Init fills W. The key is that of (seed, "init", Name).
	Init func(d *tensor.Device, w tensor.Matrix, key random.Key)
}

// Shape returns the shape of p in Hugging Face's files, where a gain has one
// dimension.
func (p *Param) Shape() []int {
	if p.Role == Norm {
		return []int{p.W.Cols}
	}
	return []int{p.W.Rows, p.W.Cols}
}

// A Linear computes y = x Wᵀ in one of three parametrizations:
//
//	dense              y = x Wᵀ
//	dense + adapter    y = x Wᵀ + Scale·drop(x) Aᵀ Bᵀ      (LoRA, 2106.09685)
//	factored           y = Scale·x Aᵀ Bᵀ                   (W is never stored)
type Linear struct {
	Name    string  // module name: "model.layers.3.self_attn.q_proj"
	Role    Role    //
	In, Out int     //
	Weight  *Param  // (Out, In); nil when factored
	A       *Param  // (r, In); nil when dense
	B       *Param  // (Out, r); nil when dense
	Scale   float32 // s of the adapter
	Dropout float32 // probability that an element of the adapter's input is dropped in training
	Bypass  bool    // A and B exist but take no part yet (ReLoRA's full-rank warm start): y = x Wᵀ
}

// A GradFunc receives the gradient of one parameter as soon as it is complete.
// grad is p.Grad, or scratch of the model in the shape of p.W, which is valid
// only during the call; the callee may overwrite it.
type GradFunc func(p *Param, grad tensor.Matrix)

// A Batch is what one forward pass reads: B sequences of T tokens.
type Batch struct {
	B, T    int
	Tokens  []int32 // (B·T) inputs
	Targets []int32 // (B·T) the token that follows each input; negative: no target (padding)
	Step    int     // 0-based global update; keys dropout
	Micro   int     // micro-batch within the update; keys dropout
}

package bundle

import (
	"fmt"
	"slices"
	"strings"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/safetensors"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// Endings of the names of bases in a method's state.
const (
	leftBasis  = ".projector_left"
	rightBasis = ".projector_right"
)

// A recorder keeps what a method does between the start and the end of a run:
// the bases it computes and from which gradients, and what it draws. It is the
// [train.Watcher] of the replay.
type recorder struct {
	spec   spec.Run
	device *tensor.Device
	replay *train.Replay

	spools    spools
	gradients bool // wanted

	bases     [][]*basis // by parameter id
	gradient  []float32  // the gradient of the parameter at hand, before the method overwrites it
	trained   []bool     // by parameter id, in this step
	refreshed int        // bases that are new in this step
	before    map[string]tensor.Matrix
	err       error // the first
}

// A basis is one basis of a weight, and a copy of it as it was last.
type basis struct {
	optim.Buffer
	last safetensors.Tensor
	left bool
	cold bool // it has been zero so far
}

// start looks up what there is to record.
func (r *recorder) start(replay *train.Replay) {
	r.replay = replay
	params := replay.Model.Params()
	r.bases, r.trained = make([][]*basis, len(params)), make([]bool, len(params))
	named, largest := byName(replay.Model), 0
	for _, b := range replay.Method.State() {
		if owner, left, ok := basisOf(b.Name); ok {
			p := named[owner]
			r.bases[p.ID] = append(r.bases[p.ID], &basis{Buffer: b, last: r.copyOf(b), left: left, cold: true})
			largest = max(largest, p.W.Rows*p.W.Cols)
		}
	}
	if r.gradients {
		r.gradient = make([]float32, largest)
	}
}

// byName returns the parameters of a model by name.
func byName(m *models.Llama) map[string]*models.Param {
	all := make(map[string]*models.Param)
	for _, p := range m.Params() {
		all[p.Name] = p
	}
	return all
}

// basisOf returns the parameter whose basis a buffer of a method's state is, and
// the side; false if it is none.
func basisOf(buffer string) (parameter string, left, ok bool) {
	if parameter, ok = strings.CutSuffix(buffer, leftBasis); ok {
		return parameter, true, true
	}
	parameter, ok = strings.CutSuffix(buffer, rightBasis)
	return parameter, false, ok
}

// Before implements [train.Watcher].
func (r *recorder) Before(p *models.Param, grad tensor.Matrix, _ optim.Step) {
	r.trained[p.ID] = true
	if !r.gradients || len(r.bases[p.ID]) == 0 {
		return
	}
	g := tensor.Of(r.gradient, grad.Rows, grad.Cols)
	r.device.Copy(g, grad)
	if m := r.spec.Method; m.Decay == "l2" && m.WeightDecay != 0 {
		r.device.Axpy(float32(m.WeightDecay), p.W, g) // the decomposition sees the sum
	}
}

// After implements [train.Watcher].
func (r *recorder) After(p *models.Param, s optim.Step) {
	renewed := false
	for _, b := range r.bases[p.ID] {
		now := r.copyOf(b.Buffer)
		if same(now, b.last) {
			continue
		}
		renewed = true
		r.refreshed++
		b.last = now
		r.keep(ProjectorsFile, stamp(s.N, b.last))
		r.keepStart(p, b, s.N)
		b.cold = false
	}
	if renewed && r.gradients {
		r.keep(GradientsFile, safetensors.Of(name(s.N, p.Name), r.gradient[:p.W.Rows*p.W.Cols], p.W.Rows, p.W.Cols))
	}
}

// A starter is a method whose bases are found from random rows, or made of them.
type starter interface {
	StartRows(p *models.Param, left bool, n int, cold bool) tensor.Matrix
}

// keepStart keeps the random rows that a new basis was made from.
func (r *recorder) keepStart(p *models.Param, b *basis, n int) {
	m, ok := r.replay.Method.(starter)
	if !ok {
		return
	}
	if x := m.StartRows(p, b.left, n, b.cold); x.Rows > 0 {
		r.keep(RandomFile, safetensors.Of(r.spec.Method.Projector+"/"+name(n, b.Name), tensor.Values(x), x.Rows, x.Cols))
	}
}

// Ending implements [train.Watcher]: it keeps the state that a reset may prune.
func (r *recorder) Ending(optim.Step) {
	r.before = nil
	if m := r.spec.Method; m.Reset == "random" || m.Reset == "magnitude" {
		r.before = r.adapterState()
	}
}

// adapterState returns the state of all A and B, widened.
func (r *recorder) adapterState() map[string]tensor.Matrix {
	all := make(map[string]tensor.Matrix)
	for _, b := range r.replay.Method.State() {
		if strings.Contains(b.Name, ".lora_A.weight.") || strings.Contains(b.Name, ".lora_B.weight.") {
			x := tensor.Of(make([]float32, b.Data.Rows*b.Data.Cols), b.Data.Rows, b.Data.Cols)
			r.device.Load(x, b.Data)
			all[b.Name] = x
		}
	}
	return all
}

// step keeps what the events of an update have drawn, and returns its error.
func (r *recorder) step(n int, events []optim.Event) error {
	for _, e := range events {
		switch e.Kind {
		case "merge":
			for _, t := range r.replay.Weights() {
				if strings.HasSuffix(t.Name, ".lora_A.weight") {
					t.Name = "merge/" + name(n, t.Name)
					r.keep(RandomFile, t)
				}
			}
		case "reset":
			r.keepMasks(n)
		}
	}
	return r.err
}

// keepMasks keeps which elements a reset kept. What was zero before counts as
// kept.
func (r *recorder) keepMasks(n int) {
	after := r.adapterState()
	for _, b := range r.replay.Method.State() {
		old, ok := r.before[b.Name]
		if !ok {
			continue
		}
		mask := make([]byte, len(old.Data))
		for i, v := range after[b.Name].Data {
			if v != 0 || old.Data[i] == 0 {
				mask[i] = 1
			}
		}
		r.keep(RandomFile, safetensors.OfBytes("keep/"+name(n, b.Name), mask, shape(b.Name, b.Data.Rows, b.Data.Cols)...))
	}
}

// masks keeps the dropout masks of update n, which is about to be applied.
func (r *recorder) masks(n int) error {
	t := r.spec.Train
	for _, l := range r.replay.Model.Linears() {
		if !l.Drops() {
			continue
		}
		keep := make([]uint8, t.BatchSize*t.MaxLength*l.In)
		for micro := range t.TotalBatchSize / t.BatchSize {
			r.replay.Model.DropoutMask(l, models.Batch{B: t.BatchSize, T: t.MaxLength, Step: n, Micro: micro}, keep)
			r.keep(RandomFile, safetensors.OfBytes(fmt.Sprintf("dropout/%s/%02d/%s", update(n), micro, l.Name), keep, t.BatchSize, t.MaxLength, l.In))
		}
	}
	return r.err
}

// keep adds a tensor to a file. It keeps the first error: a watcher cannot stop
// an update.
func (r *recorder) keep(file string, t safetensors.Tensor) {
	if err := r.spools[file].Add(t); err != nil && r.err == nil {
		r.err = err
	}
}

// update returns an update as it stands in names: six digits or more.
func update(n int) string { return fmt.Sprintf("%06d", n) }

func name(n int, tensor string) string { return update(n) + "/" + tensor }

func stamp(n int, t safetensors.Tensor) safetensors.Tensor {
	t.Name = name(n, t.Name)
	return t
}

// copyOf returns what a buffer holds: in bfloat16 if it is kept so, else in
// float32, to which fewer bits are widened.
func (r *recorder) copyOf(b optim.Buffer) safetensors.Tensor {
	rows, cols := b.Data.Rows, b.Data.Cols
	if b.Data.Halves != nil {
		return safetensors.OfBFloat16(b.Name, slices.Clone(b.Data.Halves), rows, cols)
	}
	x := tensor.Of(make([]float32, rows*cols), rows, cols)
	r.device.Load(x, b.Data)
	return safetensors.Of(b.Name, x.Data, rows, cols)
}

// same reports whether two copies of a buffer are equal.
func same(a, b safetensors.Tensor) bool {
	return slices.Equal(a.BFloat16, b.BFloat16) && slices.Equal(a.Float32, b.Float32)
}

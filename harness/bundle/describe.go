package bundle

import (
	"maps"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// manifest describes the run as it stands before its first update.
func (o Options) manifest(replay *train.Replay) *Manifest {
	digests := o.digests
	c := o.Spec.Model.Config
	m := &Manifest{
		Format: Format, Version: Version,
		Program: Program{Revision: o.Revision, NumericsVersion: spec.NumericsVersion},
		Run: Run{
			ID: o.Spec.RunID(digests), NumbersID: o.Spec.NumbersID(digests), Name: o.Spec.Method.Name,
			Data: digests.Data, Tokenizer: digests.Tokenizer,
		},
		Updates: o.Steps, Planned: o.Spec.Train.Steps, Replayable: true,
		Model: Model{
			ModelType: "llama", HiddenSize: c.HiddenSize, IntermediateSize: c.IntermediateSize,
			NumHiddenLayers: c.NumHiddenLayers, NumAttentionHeads: c.NumAttentionHeads, NumKeyValueHeads: c.NumAttentionHeads,
			HeadDim: c.HeadDim(), VocabSize: c.VocabSize, MaxPositionEmbeddings: o.Spec.Train.MaxLength,
			RMSNormEps: c.RMSNormEps, InitializerRange: c.InitializerRange, RopeTheta: c.RopeTheta, HiddenAct: "silu",
		},
		Conventions: conventions(o.Spec),
	}
	for _, p := range replay.Model.Params() {
		m.Parameters = append(m.Parameters, Parameter{
			Name: p.Name, Shape: shape(p.Name, p.W.Rows, p.W.Cols), DType: dtype(p.Kept), Role: string(p.Role), Adapter: p.Adapter,
		})
	}
	for _, l := range replay.Model.Linears() {
		if l.A == nil {
			continue
		}
		kind := "adapter"
		if l.Weight == nil {
			kind = "factored"
		}
		m.Factors = append(m.Factors, Factors{
			Module: l.Name, Kind: kind, A: l.A.Name, B: l.B.Name, Rank: l.A.W.Rows, Scale: float64(l.Scale), Dropout: float64(l.Dropout),
		})
	}
	m.projected(replay)
	m.limits(o.Spec, replay)
	if o.Spec.Method.Optimizer == "adamw8bit" {
		signed, unsigned := tensor.DynamicMap(tensor.DynamicSigned), tensor.DynamicMap(tensor.DynamicUnsigned)
		m.DynamicMap = map[string][]float32{"signed": signed[:], "unsigned": unsigned[:]}
	}
	return m
}

func dtype(s tensor.Store) string {
	if s.Halves != nil {
		return "BF16"
	}
	return "F32"
}

// projected lists the weights that have bases.
func (m *Manifest) projected(replay *train.Replay) {
	named := byName(replay.Model)
	for _, b := range replay.Method.State() {
		owner, left, ok := basisOf(b.Name)
		if !ok {
			continue
		}
		if n := len(m.Projected); n == 0 || m.Projected[n-1].Parameter != owner {
			p := named[owner]
			m.Projected = append(m.Projected, Projected{Parameter: owner, Shape: []int{p.W.Rows, p.W.Cols}})
		}
		q := &m.Projected[len(m.Projected)-1]
		if left {
			q.Left, q.Rank = b.Name, b.Data.Cols
			q.Shape[0] = q.Rank
		} else {
			q.Right, q.Rank = b.Name, b.Data.Rows
			q.Shape[1] = q.Rank
		}
	}
}

// limits says what a replay of the bundle cannot reproduce.
func (m *Manifest) limits(s spec.Run, replay *train.Replay) {
	limit := func(text string) { m.Replayable, m.Limits = false, append(m.Limits, text) }
	const noise = ": the noise is drawn for every element of every update and is not in the bundle; the weights agree with a replay up to the first update only"
	if s.Train.Dtype == spec.BFloat16Stochastic {
		limit("weights are rounded stochastically" + noise)
	}
	if s.Train.StateDtype == spec.BFloat16Stochastic && slices.ContainsFunc(replay.Method.State(), func(b optim.Buffer) bool {
		_, _, basis := basisOf(b.Name)
		return b.Data.Halves != nil && !basis
	}) {
		limit("the optimizer's state is rounded stochastically" + noise)
	}
}

// add describes an update that was applied.
func (m *Manifest) add(s spec.Run, r *recorder, p train.Passed, c *clock) {
	step := Step{
		Update: p.Update, LR: make(map[string]float64), T: make(map[string]int), Targets: p.Count,
		LossScale: p.LossScale, Refreshed: r.refreshed, Events: p.Events,
	}
	var trained []string
	for _, q := range r.replay.Model.Params() {
		if !r.trained[q.ID] {
			continue
		}
		trained = append(trained, q.Name)
		if c.period > 0 && len(r.bases[q.ID]) > 0 {
			step.T[projected] = p.Update%c.period + 1
			continue
		}
		step.T[group(q)] = c.times[group(q)]
	}
	base := optim.Base{LRGroups: make(map[models.Role]float64)}
	for role, factor := range s.Method.LRGroups {
		base.LRGroups[models.Role(role)] = factor
	}
	for _, role := range []models.Role{models.Embedding, models.Attention, models.MLP, models.Norm, models.Head} {
		step.LR[string(role)] = base.LR(role, p.LR)
	}
	if n := len(m.Phases); n == 0 || !slices.Equal(m.Phases[n-1].Trained, trained) {
		m.Phases = append(m.Phases, Phase{From: p.Update, Trained: trained})
	}
	m.Steps = append(m.Steps, step)
	c.tick(p.Events)
}

// A clock counts the t of the optimizer's formulas.
type clock struct {
	times     map[string]int // of the next update, by group
	resetStep bool           // a reset starts the adapters' again
	period    int            // a refresh that is due every so many updates starts that of projected weights again; 0: none does
}

// The groups of parameters that share a t.
const (
	adapters  = "adapters"
	projected = "projected" // by GaLore, where they have a time of their own
	others    = "others"
)

func group(p *models.Param) string {
	if p.Adapter {
		return adapters
	}
	return others
}

func newClock(s spec.Run) *clock {
	c := &clock{times: map[string]int{adapters: 1, others: 1}, resetStep: s.Method.ResetStep}
	if m := s.Method; m.Kind == "galore" && m.Moments == "reset" && m.ResetStep && m.UpdateProjGap != spec.Never {
		c.period = int(m.UpdateProjGap)
	}
	return c
}

// tick ends an update in which those events happened.
func (c *clock) tick(events []optim.Event) {
	for name := range maps.Keys(c.times) {
		c.times[name]++
	}
	for _, e := range events {
		switch {
		case e.Kind == "activate":
			c.times[adapters], c.times[others] = 1, 1
		case e.Kind == "reset" && c.resetStep:
			c.times[adapters] = 1
		}
	}
}

// settings returns the resolved run by section and key.
func settings(text []byte) (map[string]any, error) {
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	return all, nil
}

// withoutPaths returns the run without what only this machine knows. Its text
// still names the corpus: by the digests of the manifest.
func withoutPaths(s spec.Run) spec.Run {
	s.Data.Paths, s.Data.TokenizerModel = nil, ""
	return s
}

package plan

import (
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/memory"
	"ranklab/tensor"
)

// A Line is a time as a function of depth: seconds(L) = Base + Layer·L for a
// model of L layers. What a model has once (embedding, head, loss) is the base.
type Line struct {
	Base  float64 `json:"base"`
	Layer float64 `json:"layer"`
}

// at returns the seconds at a depth.
func (l Line) at(depth int) float64 { return l.Base + l.Layer*float64(depth) }

// through returns the line through two measurements. Neither part of it is
// negative: where noise makes one so, it is 0 and the line is the steepest or
// flattest that is left through the deeper measurement, which is the more
// certain one.
func through(depth0 int, seconds0 float64, depth1 int, seconds1 float64) Line {
	layer := (seconds1 - seconds0) / float64(depth1-depth0)
	base := seconds1 - layer*float64(depth1)
	switch {
	case layer < 0:
		return Line{Base: seconds1}
	case base < 0:
		return Line{Layer: seconds1 / float64(depth1)}
	}
	return Line{Base: base, Layer: layer}
}

// A layer's operations may take this much less or more time than those of what
// a model has once: more in small models, whose layers do much beside products.
// Beyond that a measurement was disturbed. The difference of two depths is
// multiplied by the layers of a run, and so is what is wrong with it.
const (
	fastestLayer = 0.6
	slowestLayer = 3
)

// relative is the time of a layer's operations as a multiple of the time that
// as many of the base take.
func (l Line) relative(operations Line) float64 {
	return l.Layer / operations.Layer / (l.Base / operations.Base)
}

// plausible reports whether a time fits what is done in it.
func (l Line) plausible(operations Line) bool {
	r := l.relative(operations)
	return fastestLayer <= r && r <= slowestLayer // and no NaN
}

// atLeast returns the line, or, if its layers are too fast to be true, the one
// through its deeper measurement on which all operations take the same time. A
// slow layer may be true, in a tiny model, and is believed.
func (l Line) atLeast(operations Line) Line {
	if l.relative(operations) >= fastestLayer { // also if the base is 0
		return l
	}
	rate := l.at(deep) / operations.at(deep)
	return Line{Base: rate * operations.Base, Layer: rate * operations.Layer}
}

// A Calibration is how long the parts of a run take on this machine, measured
// on shallow models of its shape.
type Calibration struct {
	Pass    Line `json:"pass"`          // forward and backward, of one token
	Apply   Line `json:"apply"`         // one update: gradients to weights, without new bases
	First   Line `json:"first_refresh"` // the first bases, found from nothing
	Refresh Line `json:"refresh"`       // later ones, found from those before
	Eval    Line `json:"eval"`          // one token of an evaluation
	SetUp   Line `json:"set_up"`        // allocating and filling the model and the state
}

// longest is a time, in seconds, that no part of an update takes: eleven days.
const longest = 1e6

// valid reports whether the figures are such as a measurement gives.
func (c Calibration) valid() bool {
	for _, l := range []Line{c.Pass, c.Apply, c.First, c.Refresh, c.Eval, c.SetUp} {
		for _, v := range []float64{l.Base, l.Layer} {
			if !(v >= 0 && v <= longest) {
				return false
			}
		}
	}
	return c.Pass.at(1) > 0 && c.Eval.at(1) > 0
}

// A volume is how much a run has to do, beside the counts: what does not depend
// on how fast it is done.
type volume struct {
	work
	phases       []phase
	evalTokens   float64 // positions of one evaluation
	selectTokens float64 // of one on the selection set
	checkpoints  int64   // bytes of one checkpoint
}

// evaluated is the number of positions of all evaluations.
func (v volume) evaluated() float64 {
	return float64(v.evaluations)*v.evalTokens + float64(v.choices)*v.selectTokens
}

// volumeOf measures what is left of a run after some updates. evalTokens is the
// number of positions of one evaluation.
func volumeOf(s spec.Run, done int, evalTokens float64, ledger map[memory.Category]int64) volume {
	return volume{work: workOf(s, done), phases: phases(s, done), evalTokens: evalTokens, selectTokens: float64(s.Eval.SelectTokens), checkpoints: checkpointBytes(ledger)}
}

// checkpointBytes is what a checkpoint holds: all weights and all state.
func checkpointBytes(ledger map[memory.Category]int64) int64 {
	return ledger[memory.Weights] + ledger[memory.Adapters] + ledger[memory.OptimizerState] + ledger[memory.Projectors]
}

// Writing a checkpoint, and digests of the same tensors: conservative figures for a
// hash, a copy and a sync, and for a hash alone. A run spends little of its time
// here.
const (
	checkpointRate    = 250e6 // bytes per second
	checkpointLatency = 0.03  // seconds, for the files and folders to be durable
	digestRate        = 500e6 // bytes per second
)

// checkpointSeconds is the time of all checkpoints and digests.
func (v volume) checkpointSeconds() float64 {
	bytes := float64(v.checkpoints)
	return float64(v.work.checkpoints)*(checkpointLatency+bytes/checkpointRate) + float64(v.digests)*bytes/digestRate
}

// calibrated returns the time of a run from the calibrations of its phases.
func (v volume) calibrated(of []Calibration) record.Durations {
	var train, refresh, pass float64
	for i, p := range v.phases {
		t, depth := p.run.Train, p.run.Model.NumHiddenLayers
		tokens := float64(t.TotalBatchSize * t.MaxLength)
		pass = tokens * of[i].Pass.at(depth)
		train += float64(p.updates) * (pass + of[i].Apply.at(depth))
	}
	last := of[len(of)-1]
	depth := v.phases[0].run.Model.NumHiddenLayers
	refresh = float64(v.first)*last.First.at(depth) + float64(v.refreshes)*last.Refresh.at(depth)
	return record.Durations{
		TrainS:      record.Float(train + refresh),
		RefreshS:    record.Float(refresh),
		EvalS:       record.Float(v.evaluated() * last.Eval.at(depth)),
		CheckpointS: record.Float(v.checkpointSeconds()),
		SetupS:      record.Float(last.SetUp.at(depth)),

		DiagnosticsS: v.looking(pass, last.Refresh.at(depth)),
	}
}

// arithmetic is the operations of a run by what they are done for.
type arithmetic struct{ train, refresh, eval float64 }

func (a arithmetic) sum() float64 { return a.train + a.refresh + a.eval }

// arithmetic counts the operations of what is left of a run.
func (v volume) arithmetic(device *tensor.Device) (arithmetic, error) {
	var a arithmetic
	for _, p := range v.phases {
		prediction, err := train.Predict(p.run, device)
		if err != nil {
			return a, err
		}
		a.train += float64(p.updates) * prediction.StepFLOPs
		a.refresh = float64(v.first+v.refreshes) * prediction.RefreshFLOPs
		a.eval = v.evaluated() * prediction.EvalFLOPs
	}
	return a, nil
}

// rough returns the time of a run from its arithmetic.
func (v volume) rough(a arithmetic, rate, refreshRate float64) record.Durations {
	refresh := a.refresh / refreshRate
	updates := 0
	for _, p := range v.phases {
		updates += p.updates
	}
	return record.Durations{
		TrainS:      record.Float(a.train/rate + refresh),
		RefreshS:    record.Float(refresh),
		EvalS:       record.Float(a.eval / rate),
		CheckpointS: record.Float(v.checkpointSeconds()),

		DiagnosticsS: v.looking(a.train/rate/float64(max(updates, 1)), refresh/float64(max(v.first+v.refreshes, 1))),
	}
}

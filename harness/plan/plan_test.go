package plan

import (
	"strings"
	"testing"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
)

// TestWithoutCorpus plans a shipped experiment without its data: everything
// but identity is known.
func TestWithoutCorpus(t *testing.T) {
	e, err := spec.Load("../../experiments/quick.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Make(t.Context(), e, Options{Results: t.TempDir(), Threads: 1, Memory: 154 << 20})
	if err != nil {
		t.Fatal(err)
	}
	byLabel := map[string]Item{}
	for _, it := range p.Items {
		byLabel[it.Instance.Label] = it
	}
	adam, galore, lora := byLabel["adamw"], byLabel["galore"], byLabel["lora"]
	if adam.ID != "" || galore.Action != Unknown || len(p.Notes) == 0 {
		t.Errorf("id %q, action %q, notes %v", adam.ID, galore.Action, p.Notes)
	}
	if want := 8 * adam.Parameters; adam.Memory[memory.OptimizerState] != want || adam.Trainable != adam.Parameters {
		t.Errorf("adamw: %d bytes of state, want %d; %d of %d trainable", adam.Memory[memory.OptimizerState], want, adam.Trainable, adam.Parameters)
	}
	if lora.Trainable >= adam.Trainable || lora.Left.FLOPs <= adam.Left.FLOPs {
		t.Errorf("lora trains %d of %d with %g FLOP, adamw %g", lora.Trainable, lora.Parameters, lora.Left.FLOPs, adam.Left.FLOPs)
	}
	// Six parameters' worth per token for everything but the embedding, plus
	// attention and evaluations.
	run := adam.Instance.Run
	tokens := float64(run.Train.Steps * run.Train.TotalBatchSize * run.Train.MaxLength)
	if least := 6 * tokens * float64(int(adam.Parameters)-run.Model.VocabSize*run.Model.HiddenSize); adam.Left.FLOPs < least || adam.Left.FLOPs > 1.3*least {
		t.Errorf("adamw: %g FLOP, want a little more than %g", adam.Left.FLOPs, least)
	}
	if byLabel["galore update_proj_gap=10"].Left.Seconds() <= galore.Left.Seconds() {
		t.Error("more refreshes take no more time")
	}
	if lora.Action != Refused || !strings.Contains(lora.Reason, "train.batch_size") || p.Count(Refused) == 0 {
		t.Errorf("lora with %d bytes is not refused: %s, %s", lora.Bytes, lora.Action, lora.Reason)
	}
}

// TestRate: finished runs of the same kind tell how fast the machine is.
func TestRate(t *testing.T) {
	run := func(kind string, threads int, flops, seconds float64) record.Run {
		return record.Run{
			Summary: &record.Summary{Threads: threads, FLOPs: record.Float(flops), Time: record.Durations{TrainS: record.Float(seconds + 1), RefreshS: 1}},
			Origins: []record.Origin{{Kind: kind}},
		}
	}
	stored := []record.Run{run("adamw", 1, 100, 10), run("adamw", 1, 300, 10), run("adamw", 1, 200, 10), run("adamw", 2, 900, 10), run("lora", 1, 50, 10)}
	r := Rate{Gemm: 1000}
	if got := r.of("adamw", 1, stored); got != 20 {
		t.Errorf("rate %v, want the median 20", got)
	}
	if got := r.of("galore", 1, stored); got != share*1000 {
		t.Errorf("rate %v without a finished run", got)
	}
}

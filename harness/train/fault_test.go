package train

import (
	"log/slog"
	"math"
	"strings"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A poison is a sink that spoils the gradient of one parameter in one update.
type poison struct {
	sink
	run   *runner
	at    int // 0-based update
	name  string
	spoil func(*tensor.Device, tensor.Matrix)
	now   int
}

func (p *poison) begin(s optim.Step, micro int) {
	p.now = s.N
	p.sink.begin(s, micro)
}

func (p *poison) take(param *models.Param, grad tensor.Matrix) {
	if p.now == p.at && param.Name == p.name {
		p.spoil(p.run.device, grad)
	}
	p.sink.take(param, grad)
}

// element spoils one element.
func element(v float64) func(*tensor.Device, tensor.Matrix) {
	return func(_ *tensor.Device, g tensor.Matrix) { g.Data[g.Cols-1] = float32(v) }
}

// TestFaults: a gradient that has left the numbers ends the run in the update
// in which it does, with its name in the reason, for both sinks and in the
// update of a refresh as in any other; and the record stays valid.
func TestFaults(t *testing.T) {
	set, base := tiny(t)
	const name = "model.layers.1.mlp.up_proj.weight"
	for _, c := range []struct {
		what  string
		spoil func(*tensor.Device, tensor.Matrix)
		want  string
	}{
		{"NaN", element(math.NaN()), name + " is not finite (norm NaN) at step "},
		{"Inf", element(math.Inf(-1)), name + " is not finite (norm +Inf) at step "},
		{"large", element(1e20), "gradient norm 1e+20, most of it of " + name + ", at step "},
	} {
		for _, method := range []string{"adamw", "galore", "galore-adafactor"} {
			for _, layerwise := range []bool{false, true} {
				for _, at := range []int{4, 6} { // galore refreshes in update 4
					s := base
					variants()[method](&s)
					s.Train.Layerwise = layerwise
					tr := begin(t, set, s)
					tr.sink = &poison{sink: tr.sink, run: tr.runner, at: at, name: name, spoil: c.spoil}
					reason := tr.until(t)
					if want := c.want + map[int]string{4: "5", 6: "7"}[at]; !strings.Contains(reason, want) {
						t.Errorf("%s, %s, layerwise %v: reason %q, want %q in it", c.what, method, layerwise, reason, want)
					}
					tr.mustBeDiverged(t, reason)
				}
			}
		}
	}
}

// TestZeroGradient: a model whose every weight is zero has no gradient, and
// would stay as it is for all updates.
func TestZeroGradient(t *testing.T) {
	set, s := tiny(t)
	variants()["adamw"](&s)
	s.Model.InitializerRange = 0
	r := mustTrain(t, Options{Spec: s, Data: set, Results: t.TempDir()})
	if r.summary.State != record.Diverged || !strings.Contains(r.summary.Reason, "every parameter is zero at step 1") {
		t.Errorf("state %s, reason %q", r.summary.State, r.summary.Reason)
	}
}

// begin sets a run up, so that a test can reach into it.
func begin(t *testing.T, set *corpus.Set, s spec.Run) *training {
	t.Helper()
	o := Options{Spec: s, Data: set, Results: t.TempDir()}
	id := s.RunID(Digests(set))
	w, err := record.Open(o.Results, id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	tr := &training{Options: o, id: id, digests: Digests(set), writer: w, last: notEvaluated, best: notEvaluated, log: slog.New(slog.NewTextHandler(w.Log(), nil))}
	device := tensor.NewDevice(tensor.Options{})
	t.Cleanup(device.Close)
	if err := tr.setUp(device); err != nil {
		t.Fatal(err)
	}
	return tr
}

// until trains to the fault and returns its reason.
func (t *training) until(tb testing.TB) string {
	tb.Helper()
	for t.at.Step < t.Spec.Train.Steps {
		reason, err := t.step()
		if err != nil {
			tb.Fatal(err)
		}
		if reason != "" {
			return reason
		}
	}
	tb.Fatal("the run came to its end")
	return ""
}

// mustBeDiverged ends the run and reads its record.
func (t *training) mustBeDiverged(tb testing.TB, reason string) {
	tb.Helper()
	if _, err := t.finish(record.Diverged, reason); err != nil {
		tb.Fatal(err)
	}
	run, err := record.Read(t.writer.Dir())
	if err != nil || run.Problem != nil {
		tb.Fatal(err, run.Problem)
	}
	m, err := run.Metrics()
	if err != nil {
		tb.Fatal(err)
	}
	last := m.Events[len(m.Events)-1]
	if run.State() != record.Diverged || run.Summary.Reason != reason || last.Name != "diverged" || last.Step != t.at.Step {
		tb.Errorf("state %s, reason %q, last event %+v", run.State(), run.Summary.Reason, last)
	}
}

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

// TestThinGradients: a refresh whose gradient has a lower rank than the basis, or
// none, is no fault. Of rank one, the basis is completed to an orthonormal one; of
// rank zero, the old one is kept and an event says so. Either way the run ends well.
func TestThinGradients(t *testing.T) {
	set, base := tiny(t)
	const name = "model.layers.1.mlp.up_proj.weight"
	rankOne := func(d *tensor.Device, g tensor.Matrix) {
		for i := range g.Rows {
			for j := range g.Cols {
				g.Data[i*g.Stride+j] = float32(i+1) * float32(j-3) * 1e-4
			}
		}
	}
	zero := func(d *tensor.Device, g tensor.Matrix) { d.Zero(g) }
	for what, spoil := range map[string]func(*tensor.Device, tensor.Matrix){"rank one": rankOne, "zero": zero} {
		for _, method := range []string{"galore", "galore-adafactor"} { // with a range finder, and exact
			s := base
			variants()[method](&s)
			tr := begin(t, set, s)
			tr.sink = &poison{sink: tr.sink, run: tr.runner, at: int(s.Method.UpdateProjGap), name: name, spoil: spoil}
			for tr.at.Step < s.Train.Steps {
				if reason, err := tr.step(t.Context()); err != nil || reason != "" {
					t.Fatalf("%s, %s: %q, %v", what, method, reason, err)
				}
				for _, b := range tr.method.State() {
					if strings.HasPrefix(b.Name, name+".projector") {
						mustBeOrthonormal(t, what+", "+method+", "+b.Name, b.Data.Matrix(), strings.HasSuffix(b.Name, "left"))
					}
				}
			}
			run, err := record.Read(tr.writer.Dir())
			if err != nil {
				t.Fatal(err)
			}
			m, err := run.Metrics()
			if err != nil {
				t.Fatal(err)
			}
			if kept := len(m.Events) == 1 && m.Events[0].Detail["kept"] == 1.0; kept != (what == "zero") {
				t.Errorf("%s, %s: events %+v", what, method, m.Events)
			}
		}
	}
}

// mustBeOrthonormal checks the columns of a left basis or the rows of a right one.
func mustBeOrthonormal(t *testing.T, what string, p tensor.Matrix, columns bool) {
	t.Helper()
	n, length := p.Rows, p.Cols
	at := func(k, i int) float64 { return float64(p.Data[k*p.Stride+i]) }
	if columns {
		n, length = p.Cols, p.Rows
		at = func(k, i int) float64 { return float64(p.Data[i*p.Stride+k]) }
	}
	for a := range n {
		for b := range a + 1 {
			dot, want := 0.0, 0.0
			for i := range length {
				dot += at(a, i) * at(b, i)
			}
			if a == b {
				want = 1
			}
			if math.Abs(dot-want) > 1e-5 {
				t.Errorf("%s: vectors %d and %d have the product %v", what, a, b, dot)
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
		reason, err := t.step(tb.Context())
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

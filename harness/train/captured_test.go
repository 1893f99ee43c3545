package train

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"ranklab/corpus"
	"ranklab/harness/spec"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

var (
	capturedOf = flag.String("captured", "", "the GaLore runs of this experiment, instead of a tiny one, for TestCapturedEnergy")
	capturedIn = flag.String("captured-set", "", "overrides of that experiment: KEY=VALUE;KEY=VALUE")
)

// leastCaptured is what the range finder's basis must capture of a gradient, in
// terms of what the exact one does, for every matrix at every refresh.
const leastCaptured = 0.995

// TestCapturedEnergy trains with the range finder and, at each refresh, compares
// each of its bases with the exact one of the same gradient. For another model:
//
//	go test ./harness/train -run CapturedEnergy -v -timeout 0 -args -captured quick -captured-set 'train.steps=301'
func TestCapturedEnergy(t *testing.T) {
	if *capturedOf == "" {
		set, s := wide(t)
		wideVariants()["galore"](&s)
		s.Method.UpdateProjGap = 4
		compareBases(t, set, s)
		return
	}
	x, err := spec.Load(*capturedOf, strings.FieldsFunc(*capturedIn, func(r rune) bool { return r == ';' }))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range x.Runs {
		s := i.Run
		if s.Method.Projector != "range_finder" || s.Method.ProjType != "std" {
			continue
		}
		set, err := corpus.Prepare(t.Context(), corpus.Options{
			Source: s.Data.Source, Modules: s.Data.Modules, Paths: s.Data.Paths, ValFraction: s.Data.ValFraction, Packing: s.Data.Packing,
			Tokenizer: s.Data.Tokenizer, TokenizerModel: s.Data.TokenizerModel, VocabSize: s.Model.VocabSize,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("%s seed=%d", i.Label, i.Seed), func(t *testing.T) { compareBases(t, set, s) })
	}
}

// compareBases trains s and fails where a basis captures too little.
func compareBases(t *testing.T, set *corpus.Set, s spec.Run) {
	device := tensor.NewDevice(tensor.Options{})
	defer device.Close()
	ledger := memory.New()
	r, err := assemble(s, device, ledger, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{Method: r.method, device: device, gap: int(s.Method.UpdateProjGap), bases: map[string]tensor.Matrix{}}
	for _, b := range r.method.State() {
		w.bases[b.Name] = b.Data.Matrix()
	}
	short, long, rank := 0, 0, 0
	for _, l := range r.model.Linears() {
		short, long, rank = max(short, min(l.In, l.Out)), max(long, l.In, l.Out), min(s.Method.Rank, max(rank, l.In))
	}
	w.svd = tensor.NewSVD(ledger, "exact", short, long, rank)
	w.image = tensor.Of(memory.Floats(rank*long), rank, long)
	w.exact = tensor.Of(memory.Floats(rank*long), rank, long)
	r.method = w
	order := corpus.Order{Key: random.New(uint64(s.Seed.Data)).Stream("order"), N: set.Train.Sequences(s.Data.Packing, s.Train.MaxLength)}
	for u := range s.Train.Steps {
		w.least, w.compared = 1, 0
		if _, _, err := r.update(u, r.fill(set.Train, order, u)); err != nil {
			t.Fatal(err)
		}
		if w.compared == 0 {
			continue
		}
		t.Logf("update %d: %d bases capture at least %.3f %% of what the exact ones do (%s)", u, w.compared, 100*w.least, w.worst)
		if w.least < leastCaptured {
			t.Errorf("update %d: the basis of %s captures %.3f %% of what the exact one does", u, w.worst, 100*w.least)
		}
	}
}

// A witness compares the bases of a method with exact ones.
type witness struct {
	optim.Method
	device       *tensor.Device
	gap          int
	bases        map[string]tensor.Matrix // by name of the state
	svd          *tensor.SVD
	image, exact tensor.Matrix

	// Of the running update.
	least    float64
	worst    string
	compared int
}

func (w *witness) Update(p *models.Param, grad tensor.Matrix, s optim.Step) {
	left, right := w.bases[p.Name+".projector_left"], w.bases[p.Name+".projector_right"]
	if s.N%w.gap != 0 || left.Rows+right.Rows == 0 {
		w.Method.Update(p, grad, s)
		return
	}
	total := w.device.SumSquares(grad)
	var image tensor.Matrix
	var exact float64
	var ok bool
	if left.Rows > 0 {
		exact, ok = w.device.LeftBasis(w.svd, grad, tensor.Of(w.exact.Data, left.Rows, left.Cols))
	} else {
		exact, ok = w.device.RightBasis(w.svd, grad, tensor.Of(w.exact.Data, right.Rows, right.Cols))
	}
	if !ok {
		w.Method.Update(p, grad, s)
		return
	}
	kept := tensor.Of(append([]float32(nil), tensor.Values(grad)...), grad.Rows, grad.Cols)
	w.Method.Update(p, grad, s)
	if left.Rows > 0 {
		image = tensor.Of(w.image.Data, left.Cols, grad.Cols)
		w.device.Gemm(tensor.T, tensor.N, 1, left, kept, 0, image)
	} else {
		image = tensor.Of(w.image.Data, grad.Rows, right.Rows)
		w.device.Gemm(tensor.N, tensor.T, 1, kept, right, 0, image)
	}
	w.compared++
	if share := w.device.SumSquares(image) / total / exact; share < w.least {
		w.least, w.worst = share, p.Name
	}
}

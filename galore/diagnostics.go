package galore

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/tensor"
)

// A Diagnosis says when the subspaces of a run are looked at.
type Diagnosis struct {
	After []int // updates after a refresh in which the basis meets later gradients
	Nth   int   // only every n-th refresh; 0 is 1
}

// A Subspace is what one basis looks like in one update: at a refresh
// everything, some updates after it (After > 0) only Captured. A number that is
// not defined is NaN. With P the basis as d × r columns (where it is not orthonormal,
// in energies and overlaps one of its span that is), G the gradient that the method
// receives, and ‖·‖ the Frobenius norm:
type Subspace struct {
	Update int    // 0-based
	Layer  int    //
	Module string // "q_proj"
	Left   bool   // the side of the gradient on which the basis lies
	Rank   int    // r
	Dim    int    // d; two random subspaces overlap by r/d
	After  int    // updates since the refresh was due
	Kept   bool   // the refresh found no basis: the old one stays

	Captured float64 // ‖PᵀG‖²/‖G‖²

	CapturedOld  float64 // the same with the basis before the refresh
	CapturedBest float64 // the same with the first r singular vectors
	Overlap      float64 // ‖PᵀP_old‖²/r
	SplitOverlap float64 // ‖P_aᵀP_b‖²/r of the bases of two halves of the batch
	Effective    float64 // effective rank of G, see [tensor.Spectrum]
	Stable       float64 // stable rank of G
	Retention    float64 // ‖QM‖/‖M‖: M the first moment before the update, Q = PᵀP_old
	Staleness    float64 // 1 - cos(M, QM)
	Orthogonal   float64 // ‖PᵀP - I‖
	Residual     float64 // ‖G - back(R)‖/‖G‖, R the projected gradient
	NonFinite    int     // elements of G that are NaN or infinite

	place int // of the weight in the model
}

// A probe looks on while bases are used and renewed. It reads and changes
// nothing that an update depends on; a nil probe does nothing at all. What it
// finds in an update is a function of the weights, the state and the update's
// number, so a run that is resumed finds the same.
type probe struct {
	Diagnosis
	device *tensor.Device
	gap    int
	drawn  bool // bases are drawn without a look at the gradient
	found  []Subspace
	took   time.Duration

	svd          *tensor.SVD
	span         *tensor.Span
	now, then    []float32 // orthonormal rows of a new basis and of an old one
	left, right  room      // of the sides
	product      []float32 // a gradient projected on one side
	small, half  []float32 // the method's scratch: a projected gradient
	rest         []float32 // what a projection leaves of a gradient
	moment, turn []float32 // a first moment, and turned into the new basis
	between      []float32 // the same, turned on one of two sides
	gram         []float32 // (r, r): the overlaps of two bases
	hadBasis     bool      // before the refresh of the running update
}

// A room is scratch for the bases of one side.
type room struct {
	old    []float32 // before a refresh
	second []float32 // of the second half
	turn   []float32 // Q (r, r)
}

// A seen is what a probe keeps of one weight.
type seen struct {
	place       int // among all linear modules
	layer       int
	module      string
	left, right tensor.Matrix // the bases of the first half of a batch
	first       bool          // they were found
	splitLeft   float64       // overlaps of the two halves' bases
	splitRight  float64
}

// Diagnose makes the method look at its subspaces. Call it before Attach.
func (m *Method) Diagnose(d Diagnosis) {
	m.probe = &probe{Diagnosis: d, gap: m.config.UpdateProjGap}
	_, m.probe.drawn = m.config.Projector.law()
	m.probe.Nth = max(1, d.Nth)
}

// attach allocates what the probe needs (scratch).
func (b *probe) attach(m *Method, model *models.Llama, env optim.Env) {
	if b == nil {
		return
	}
	b.device, b.small, b.half = m.device, m.small, m.half
	l := env.Ledger.For(memory.Refresh)
	var short, long, rest, leftBasis, rightBasis, leftRank, rightRank, product, moment, between int
	for i, module := range model.Linears() {
		q := m.weights[module.Weight.ID]
		if q == nil {
			continue
		}
		out, in := module.Out, module.In
		short, long, rest = max(short, min(out, in)), max(long, max(out, in)), max(rest, out*in)
		leftBasis, leftRank = max(leftBasis, q.left.Rows*q.left.Cols), max(leftRank, q.left.Cols)
		rightBasis, rightRank = max(rightBasis, q.right.Rows*q.right.Cols), max(rightRank, q.right.Rows)
		product = max(product, q.left.Cols*in, q.right.Rows*out)
		if s, ok := q.firstMoment(); ok {
			moment = max(moment, s.Rows*s.Cols)
			if q.left.Rows > 0 && q.right.Rows > 0 {
				between = moment
			}
		}
		name := module.Name[strings.LastIndexByte(module.Name, '.')+1:]
		q.seen = &seen{place: i, layer: i / (len(model.Linears()) / len(model.Layers)), module: name, splitLeft: math.NaN(), splitRight: math.NaN()}
		if !b.drawn {
			q.seen.left = tensor.Alloc(l, memory.Scratch, "diagnostics.half_left."+module.Name, q.left.Rows, q.left.Cols)
			q.seen.right = tensor.Alloc(l, memory.Scratch, "diagnostics.half_right."+module.Name, q.right.Rows, q.right.Cols)
		}
	}
	floats := func(name string, n int) []float32 { return l.Floats(memory.Scratch, "diagnostics."+name, n) }
	b.left = room{floats("old_left", leftBasis), floats("second_left", leftBasis), floats("turn_left", leftRank*leftRank)}
	b.right = room{floats("old_right", rightBasis), floats("second_right", rightBasis), floats("turn_right", rightRank*rightRank)}
	b.product = floats("product", product)
	b.rest = floats("rest", rest)
	b.moment, b.turn, b.between = floats("moment", moment), floats("turned_moment", moment), floats("half_turned_moment", between)
	rank := max(leftRank, rightRank)
	basis := max(leftBasis, rightBasis)
	b.gram, b.now, b.then = floats("gram", rank*rank), floats("new_rows", basis), floats("old_rows", basis)
	b.span = tensor.NewSpan(l, "diagnostics.span", rank, long, basis)
	b.svd = tensor.NewSVD(l, "diagnostics.svd", short, long, 0)
}

// due reports whether update n has a refresh that is looked at.
func (b *probe) due(n int) bool {
	if b == nil {
		return false
	}
	if b.gap == Never {
		return n == 0
	}
	return n%b.gap == 0 && n/b.gap%b.Nth == 0
}

// age returns the updates since the refresh before update n, and whether the
// basis is to be looked at: after those of After, and just before the next
// refresh.
func (b *probe) age(n int) (j int, look bool) {
	j = n
	if b.gap != Never {
		j = n % b.gap
	}
	if j == 0 || !b.due(n-j) {
		return j, false
	}
	look = j == b.gap-1
	for _, after := range b.After {
		look = look || j == after
	}
	return j, look
}

// before precedes update n of one weight: the basis is that of the update before.
func (b *probe) before(q *projected, g tensor.Matrix, n int) {
	if b == nil {
		return
	}
	start := time.Now()
	defer func() { b.took += time.Since(start) }()
	if b.due(n) {
		b.hadBasis = q.isSet(b.device)
		b.device.Copy(like(b.left.old, q.left), q.left)
		b.device.Copy(like(b.right.old, q.right), q.right)
		return
	}
	j, look := b.age(n)
	if !look || !q.isSet(b.device) {
		return
	}
	for _, s := range b.sides(q) {
		s.Update, s.After = n, j
		if p, ok := b.rows(b.now, s.p, s.Left); ok {
			s.Captured = b.captured(p, s.Left, g)
		}
		b.found = append(b.found, s.Subspace)
	}
}

// A side is a basis that is looked at.
type side struct {
	Subspace
	p    tensor.Matrix
	room *room
}

// sides lists the bases of a weight, as undefined as can be.
func (b *probe) sides(q *projected) []side {
	nan := math.NaN()
	blank := Subspace{
		place: q.seen.place, Layer: q.seen.layer, Module: q.seen.module, Captured: nan, CapturedOld: nan, CapturedBest: nan, Overlap: nan, SplitOverlap: nan,
		Effective: nan, Stable: nan, Retention: nan, Staleness: nan, Orthogonal: nan, Residual: nan,
	}
	var all []side
	if p := q.left; p.Rows > 0 {
		s := blank
		s.Left, s.Rank, s.Dim, s.SplitOverlap = true, p.Cols, p.Rows, q.seen.splitLeft
		all = append(all, side{s, p, &b.left})
	}
	if p := q.right; p.Rows > 0 {
		s := blank
		s.Rank, s.Dim, s.SplitOverlap = p.Rows, p.Cols, q.seen.splitRight
		all = append(all, side{s, p, &b.right})
	}
	return all
}

// renewed follows a refresh that found new bases for some sides, before anything
// becomes of the moments. It returns the time that it took.
func (b *probe) renewed(q *projected, g tensor.Matrix, n int, found sides) (took time.Duration) {
	if !b.due(n) {
		return 0
	}
	start := time.Now()
	d, hasBasis := b.device, b.hadBasis || found == q.sides()
	all := b.sides(q)
	for i := range all {
		s := &all[i]
		s.Update, s.Kept, s.NonFinite = n, !found.right, d.NonFinite(g)
		if s.Left {
			s.Kept = !found.left
		}
		if !hasBasis {
			continue
		}
		s.Orthogonal = d.Departure(s.p, tensor.Of(b.gram, s.Rank, s.Rank), s.Left)
		p, ok := b.rows(b.now, s.p, s.Left)
		if !ok {
			continue
		}
		old := p
		if b.hadBasis {
			if old, ok = b.rows(b.then, like(s.room.old, s.p), s.Left); ok {
				s.Overlap = b.overlap(p, old)
			}
		}
		if total := d.SumSquares(g); !(total > 0) || math.IsInf(total, 0) {
			continue
		}
		s.Captured = b.captured(p, s.Left, g)
		if b.hadBasis && ok {
			s.CapturedOld = b.captured(old, s.Left, g)
		}
		s.Residual = b.residual(q, g)
		if spectrum, ok := d.Spectrum(b.svd, g, s.Rank); ok {
			s.Effective, s.Stable, s.CapturedBest = spectrum.Effective, spectrum.Stable, spectrum.Captured
		}
	}
	retention, staleness := b.moved(q, hasBasis)
	for _, s := range all {
		s.Retention, s.Staleness = retention, staleness
		b.found = append(b.found, s.Subspace)
	}
	q.seen.splitLeft, q.seen.splitRight = math.NaN(), math.NaN()
	took = time.Since(start)
	b.took += took
	return took
}

// like gives scratch the shape of a matrix.
func like(scratch []float32, m tensor.Matrix) tensor.Matrix {
	return tensor.Of(scratch, m.Rows, m.Cols)
}

// rows returns a basis as orthonormal rows; false if it is none.
func (b *probe) rows(scratch []float32, p tensor.Matrix, left bool) (x tensor.Matrix, ok bool) {
	x = like(scratch, p)
	if left {
		x = tensor.Of(scratch, p.Cols, p.Rows)
	}
	return x, b.device.Orthonormal(b.span, x, p, left)
}

// overlap returns ‖P_a·P_bᵀ‖²/r of bases as rows (r, d).
func (b *probe) overlap(pa, pb tensor.Matrix) float64 {
	s := tensor.Of(b.gram, pa.Rows, pb.Rows)
	b.device.Gemm(tensor.N, tensor.T, 1, pa, pb, 0, s)
	return b.device.SumSquares(s) / float64(pa.Rows)
}

// captured returns the share of ‖G‖² that a basis as rows (r, d) captures on a
// side; NaN if G is zero.
func (b *probe) captured(p tensor.Matrix, left bool, g tensor.Matrix) float64 {
	var r tensor.Matrix
	if left {
		r = tensor.Of(b.product, p.Rows, g.Cols)
		b.device.Gemm(tensor.N, tensor.N, 1, p, g, 0, r)
	} else {
		r = tensor.Of(b.product, g.Rows, p.Rows)
		b.device.Gemm(tensor.N, tensor.T, 1, g, p, 0, r)
	}
	return b.device.SumSquares(r) / b.device.SumSquares(g)
}

// residual returns ‖G - back(R)‖/‖G‖, with all bases of the weight.
func (b *probe) residual(q *projected, g tensor.Matrix) float64 {
	rows, cols := q.shape(g.Rows, g.Cols)
	r := tensor.Of(b.small, rows, cols)
	var half tensor.Matrix
	if q.left.Rows > 0 && q.right.Rows > 0 {
		half = tensor.Of(b.half, rows, g.Cols)
	}
	rest := like(b.rest, g)
	b.device.Copy(rest, g)
	q.project(b.device, g, r, half)
	q.back(b.device, -1, r, half, rest)
	return math.Sqrt(b.device.SumSquares(rest) / b.device.SumSquares(g))
}

// firstMoment returns the running mean of projected gradients, if the base
// optimizer keeps one.
func (q *projected) firstMoment() (s tensor.Store, ok bool) {
	for _, buffer := range q.direction.State() {
		if strings.HasSuffix(buffer.Name, ".exp_avg") || strings.HasSuffix(buffer.Name, ".momentum_buffer") {
			return buffer.Data, true
		}
	}
	return s, false
}

// moved returns how much of the first moment lies in the new bases, and how far
// it would turn if it was brought there: with Q = PᵀP_old of each side, as the bases
// are, QM on the left, MQᵀ on the right, and both on both.
func (b *probe) moved(q *projected, hasBasis bool) (retention, staleness float64) {
	s, ok := q.firstMoment()
	if !ok || !b.hadBasis || !hasBasis {
		return math.NaN(), math.NaN()
	}
	d := b.device
	m, turned := tensor.Of(b.moment, s.Rows, s.Cols), tensor.Of(b.turn, s.Rows, s.Cols)
	d.Load(m, s)
	left := tensor.Of(b.left.turn, q.left.Cols, q.left.Cols)
	right := tensor.Of(b.right.turn, q.right.Rows, q.right.Rows)
	d.Gemm(tensor.T, tensor.N, 1, q.left, like(b.left.old, q.left), 0, left)
	d.Gemm(tensor.N, tensor.T, 1, q.right, like(b.right.old, q.right), 0, right)
	switch {
	case q.right.Rows == 0:
		d.Gemm(tensor.N, tensor.N, 1, left, m, 0, turned)
	case q.left.Rows == 0:
		d.Gemm(tensor.N, tensor.T, 1, m, right, 0, turned)
	default:
		between := like(b.between, m)
		d.Gemm(tensor.N, tensor.N, 1, left, m, 0, between)
		d.Gemm(tensor.N, tensor.T, 1, between, right, 0, turned)
	}
	was, is := math.Sqrt(d.SumSquares(m)), math.Sqrt(d.SumSquares(turned))
	return is / was, 1 - d.Dot(m, turned)/(was*is) // NaN while there is no moment
}

// Splits reports whether update n wants to see, before it is applied, the
// gradients of two halves of its batch: see Half.
func (m *Method) Splits(n int) bool { return m.probe.due(n) && !m.probe.drawn }

// Half shows the gradient of one half, 0 or 1, of the batch of update n, for one
// parameter whose p.W has its values. A basis is computed from it as a refresh
// would, from the same old basis but with draws of its own. It may overwrite grad.
func (m *Method) Half(p *models.Param, grad tensor.Matrix, half, n int) {
	q, b := m.weights[p.ID], m.probe
	if q == nil {
		return
	}
	if m.config.Decay == optim.DecayL2 { // a part of every gradient that bases are computed from
		m.config.Before(m.device, p.W, grad, 0)
	}
	q.open(m.device)
	found := projector{left: q.seen.left, right: q.seen.right, leftKey: q.leftKey.Stream("first half"), rightKey: q.rightKey.Stream("first half")}
	if half == 1 {
		found = projector{left: like(b.left.second, q.left), right: like(b.right.second, q.right), leftKey: q.leftKey.Stream("second half"), rightKey: q.rightKey.Stream("second half")}
	}
	m.device.Copy(found.left, q.left)
	m.device.Copy(found.right, q.right)
	_, renewed := found.refresh(m.finder, grad, n)
	ok := renewed == q.sides()
	q.seen.splitLeft, q.seen.splitRight = math.NaN(), math.NaN()
	switch {
	case half == 0:
		q.seen.first = ok
	case ok && q.seen.first:
		q.seen.splitLeft = b.agree(q.seen.left, found.left, true)
		q.seen.splitRight = b.agree(q.seen.right, found.right, false)
	}
}

// agree returns the overlap of two bases of one side; NaN if there are none.
func (b *probe) agree(first, second tensor.Matrix, left bool) float64 {
	if first.Rows == 0 {
		return math.NaN()
	}
	x, ok := b.rows(b.now, first, left)
	y, too := b.rows(b.then, second, left)
	if !ok || !too {
		return math.NaN()
	}
	return b.overlap(x, y)
}

// Subspaces returns what was seen in the newest update, in the order of the model's
// weights, and the time that looking took within Update. The slice is valid until
// the next Update.
func (m *Method) Subspaces() ([]Subspace, time.Duration) {
	b := m.probe
	if b == nil {
		return nil, 0
	}
	found, took := b.found, b.took
	slices.SortStableFunc(found, func(x, y Subspace) int { return cmp.Compare(x.place, y.place) })
	b.found, b.took = b.found[:0], 0
	return found, took
}

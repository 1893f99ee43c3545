package ngram

import (
	"iter"
	"math"
	"sort"
)

// Sequences are runs of tokens with the target of each position; a negative
// target does not count. Slices are valid during one step of the iteration.
type Sequences = iter.Seq2[[]int32, []int32]

// A Model predicts the target of a position from the tokens of its sequence up
// to and including that position.
//
// At order n, with c counts of the text, h the n-1 tokens before w, and h' those
// without the first,
//
//	p(w|h) = (c(hw) - D(c(hw)))/c(h·) + γ(h)·p'(w|h')
//
// where p' is the same formula with each count replaced by the number of
// different tokens seen before that n-gram, down to the uniform distribution
// over the vocabulary. D(1), D(2) and D(3 and more) follow from the counts of
// counts; γ makes the sum over w one.
type Model struct {
	order  int
	width  uint
	vocab  int
	orders [][]level // orders[n-1]: levels n, n-1, …, 1 of the model of order n
}

// A level is one step of the recursion.
type level struct {
	table
	context  []uint64  // different contexts, in order
	start    []int32   // where the n-grams of a context start in the table; one more at the end
	total    []float64 // c(h·)
	gamma    []float64
	discount [4]float64 // by count, from 3 on the same
}

// Train counts n-grams up to an order from 1 to MaxOrder. The contexts of the
// first positions of a sequence are shorter: they never reach into another
// sequence.
func Train(text Sequences, vocab, order int) *Model {
	if order < 1 || order > MaxOrder {
		panic("ngram: order out of range")
	}
	m := &Model{order: order, width: width(vocab), vocab: vocab}
	counters := make([]counter, order)
	for tokens, targets := range text {
		for j, target := range targets {
			if target < 0 {
				continue
			}
			for n := 1; n <= order && n <= j+2; n++ {
				counters[n-1].add(m.key(tokens[j+2-n:j+1], target))
			}
		}
	}
	for n := 1; n <= order; n++ {
		t := counters[n-1].finish()
		var levels []level
		for k := n; ; k-- {
			levels = append(levels, m.newLevel(t))
			if k == 1 {
				break
			}
			t = t.continuations(1<<(uint(k-1)*m.width) - 1)
		}
		m.orders = append(m.orders, levels)
	}
	return m
}

// key packs a context and a token.
func (m *Model) key(context []int32, token int32) uint64 {
	var k uint64
	for _, t := range context {
		k = k<<m.width | uint64(t)
	}
	return k<<m.width | uint64(token)
}

// newLevel groups a table by context and estimates its discounts.
func (m *Model) newLevel(t table) level {
	l := level{table: t}
	var of [5]float64 // n-grams that occur once, twice, …
	for _, c := range t.counts {
		if c < 5 {
			of[c]++
		}
	}
	l.discount = discounts(of)
	for i := 0; i < len(t.keys); {
		h := t.keys[i] >> m.width
		l.context, l.start = append(l.context, h), append(l.start, int32(i))
		var total, held float64
		for ; i < len(t.keys) && t.keys[i]>>m.width == h; i++ {
			total += float64(t.counts[i])
			held += l.discount[min(t.counts[i], 3)]
		}
		l.total, l.gamma = append(l.total, total), append(l.gamma, held/total)
	}
	l.start = append(l.start, int32(len(t.keys)))
	return l
}

// discounts returns D for counts 0 to 3 by equation 26 of Chen and Goodman.
// Where a count of counts is zero or a discount would be, as in tiny or odd
// texts, all are 1/2: without a discount nothing is left for unseen tokens.
func discounts(of [5]float64) [4]float64 {
	for _, n := range of[1:] {
		if n == 0 {
			return [4]float64{0, 0.5, 0.5, 0.5}
		}
	}
	y := of[1] / (of[1] + 2*of[2])
	var d [4]float64
	for k := 1; k <= 3; k++ {
		v := float64(k) - float64(float64(k+1)*y)*of[k+1]/of[k]
		if v <= 0 {
			return [4]float64{0, 0.5, 0.5, 0.5}
		}
		d[k] = min(v, float64(k))
	}
	return d
}

// Prob returns the probability of a token after the given ones, of which at
// most the last n-1 are looked at.
func (m *Model) Prob(context []int32, token int32, n int) float64 {
	n = min(n, m.order, len(context)+1)
	context = context[len(context)-n+1:]
	p := 1 / float64(m.vocab)
	levels := m.orders[n-1]
	for k := 1; k <= n; k++ {
		p = levels[n-k].interpolate(m.key(context[n-k:], token), m.width, p)
	}
	return p
}

// interpolate mixes the level's own estimate for an n-gram with that of the
// level below.
func (l *level) interpolate(key uint64, width uint, lower float64) float64 {
	h := key >> width
	i := sort.Search(len(l.context), func(i int) bool { return l.context[i] >= h })
	if i == len(l.context) || l.context[i] != h {
		return lower
	}
	keys := l.keys[l.start[i]:l.start[i+1]]
	own := 0.0
	if k := sort.Search(len(keys), func(k int) bool { return keys[k] >= key }); k < len(keys) && keys[k] == key {
		c := l.counts[int(l.start[i])+k]
		own = (float64(c) - l.discount[min(c, 3)]) / l.total[i]
	}
	return own + float64(l.gamma[i]*lower)
}

// Loss returns the mean negative logarithm of the probability of the targets,
// with contexts of at most n-1 tokens, and the number of targets.
func (m *Model) Loss(text Sequences, n int) (loss float64, count int) {
	for tokens, targets := range text {
		for j, target := range targets {
			if target >= 0 {
				loss -= math.Log(m.Prob(tokens[:j+1], target, n))
				count++
			}
		}
	}
	return loss / float64(max(count, 1)), count
}

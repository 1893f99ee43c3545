package ngram

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// windows cuts a stream into sequences of T inputs with shifted targets.
func windows(stream []int32, T int) Sequences {
	return func(yield func([]int32, []int32) bool) {
		for i := 0; i+T < len(stream); i += T {
			if !yield(stream[i:i+T], stream[i+1:i+T+1]) {
				return
			}
		}
	}
}

// markov draws a stream in which the next token depends on the two before.
func markov(seed uint64, vocab, n int) []int32 {
	r := rand.New(rand.NewPCG(seed, 3))
	stream := make([]int32, n)
	for i := 2; i < n; i++ {
		stream[i] = (stream[i-1]*3 + stream[i-2]*7 + r.Int32N(3)) % int32(vocab)
	}
	return stream
}

func TestCounterMatchesMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := make(map[uint64]uint32)
		var c counter
		for range rapid.IntRange(0, 4).Draw(t, "batches") {
			for _, key := range rapid.SliceOf(rapid.Uint64Range(0, 20)).Draw(t, "keys") {
				c.add(key)
				want[key]++
			}
			c.flush()
		}
		got := c.finish()
		if !slices.IsSorted(got.keys) || len(got.keys) != len(want) {
			t.Fatalf("keys %v, want those of %v", got.keys, want)
		}
		for i, key := range got.keys {
			if got.counts[i] != want[key] {
				t.Fatalf("count of %d is %d, want %d", key, got.counts[i], want[key])
			}
		}
	})
}

func TestProbabilitiesSumToOne(t *testing.T) {
	const vocab = 23
	for name, stream := range map[string][]int32{"long": markov(1, vocab, 5000), "tiny": markov(2, vocab, 30)} {
		m := Train(windows(stream, 16), vocab, 3)
		r := rand.New(rand.NewPCG(5, 6))
		for range 200 {
			context := make([]int32, r.IntN(4))
			for i := range context {
				context[i] = r.Int32N(vocab) // often never seen
			}
			for n := 1; n <= 3; n++ {
				sum := 0.0
				for w := range int32(vocab) {
					p := m.Prob(context, w, n)
					if p <= 0 {
						t.Fatalf("%s: p(%d|%v) = %v at order %d", name, w, context, p, n)
					}
					sum += p
				}
				if math.Abs(sum-1) > 1e-12 {
					t.Errorf("%s: probabilities after %v sum to %v at order %d", name, context, sum, n)
				}
			}
		}
	}
}

// TestBigramByHand follows the formulas with maps.
func TestBigramByHand(t *testing.T) {
	const vocab = 60
	r := rand.New(rand.NewPCG(7, 8))
	stream := make([]int32, 400)
	for i := range stream { // most tokens are rare, as in text
		stream[i] = r.Int32N(1 + r.Int32N(1+r.Int32N(vocab)))
	}
	m := Train(windows(stream, 399), vocab, 2)
	pair := make(map[[2]int32]float64)
	for i := range 399 {
		pair[[2]int32{stream[i], stream[i+1]}]++
	}
	cont := make(map[int32]float64)
	for k := range pair {
		cont[k[1]]++
	}
	var of2, of1 [5]float64
	for _, c := range pair {
		if c < 5 {
			of2[int(c)]++
		}
	}
	for _, c := range cont {
		if c < 5 {
			of1[int(c)]++
		}
	}
	d2, d1 := discounts(of2), discounts(of1)
	if d2 == d1 {
		t.Fatal("the test does not tell the two levels apart")
	}
	for v := range int32(vocab) {
		for w := range int32(vocab) {
			held1, total1, held2, total2 := 0.0, 0.0, 0.0, 0.0
			for _, c := range cont {
				total1 += c
				held1 += d1[min(int(c), 3)]
			}
			for k, c := range pair {
				if k[0] == v {
					total2 += c
					held2 += d2[min(int(c), 3)]
				}
			}
			want := (cont[w]-d1[min(int(cont[w]), 3)])/total1 + held1/total1/vocab
			if total2 > 0 {
				c := pair[[2]int32{v, w}]
				want = (c-d2[min(int(c), 3)])/total2 + held2/total2*want
			}
			if got := m.Prob([]int32{v}, w, 2); math.Abs(got-want) > 1e-12 {
				t.Errorf("p(%d|%d) = %v, want %v", w, v, got, want)
			}
		}
	}
}

func TestDiscounts(t *testing.T) {
	// y = 10/(10+2·4) = 5/9
	got := discounts([5]float64{0, 10, 4, 3, 2})
	want := [4]float64{0, 1 - 2*5./9*4/10, 2 - 3*5./9*3/4, 3 - 4*5./9*2/3}
	for k := range want {
		if math.Abs(got[k]-want[k]) > 1e-15 {
			t.Errorf("D(%d) = %v, want %v", k, got[k], want[k])
		}
	}
}

func TestLongerContextsHelp(t *testing.T) {
	const vocab = 40
	m := Train(windows(markov(1, vocab, 60_000), 64), vocab, 3)
	held := windows(markov(9, vocab, 5000), 64)
	var loss [4]float64
	for n := 1; n <= 3; n++ {
		loss[n], _ = m.Loss(held, n)
	}
	if !(loss[3] < loss[2]-0.5 && loss[2] < loss[1]+0.05) {
		t.Errorf("losses of orders 1 to 3: %v", loss[1:])
	}
	if truth := math.Log(3); loss[3] < truth-0.02 || loss[3] > truth+0.2 {
		t.Errorf("the trigram model reaches %v; the source has entropy %v", loss[3], truth)
	}
	if loss[1] > math.Log(vocab)+0.01 {
		t.Errorf("the unigram model is worse than uniform: %v", loss[1])
	}
}

func TestContextsStayInsideSequences(t *testing.T) {
	// 1 → 2 only ever happens across a window edge.
	stream := []int32{0, 3, 1, 2, 3, 1, 2, 3, 1, 2}
	text := func(yield func([]int32, []int32) bool) {
		for i := 1; i+3 <= len(stream); i += 3 {
			w := stream[i-1 : i+2]
			if !yield(w[:2], w[1:3]) {
				return
			}
		}
	}
	m := Train(text, 4, 2)
	for i, h := range m.orders[1][0].context {
		if h == 1 {
			t.Errorf("context %d is token 1, which no sequence continues", i)
		}
	}
}

func TestLossIgnoresMaskedTargets(t *testing.T) {
	m := Train(windows(markov(1, 11, 300), 10), 11, 2)
	one := func(targets ...int32) Sequences {
		return func(yield func([]int32, []int32) bool) { yield([]int32{1, 2, 3}, targets) }
	}
	loss, count := m.Loss(one(2, 3, -1), 2)
	want := -(math.Log(m.Prob([]int32{1}, 2, 2)) + math.Log(m.Prob([]int32{1, 2}, 3, 2))) / 2
	if count != 2 || math.Abs(loss-want) > 1e-12 {
		t.Errorf("loss %v over %d targets, want %v over 2", loss, count, want)
	}
}

// TestDiscountsLeaveRoom: counts of counts for which the formula gives a
// discount of zero, and with it probability zero to unseen tokens.
func TestDiscountsLeaveRoom(t *testing.T) {
	for _, of := range [][5]float64{{0, 40, 5, 5, 40}, {0, 10, 40, 80, 1}, {0, 3, 0, 1, 1}, {0, 1000, 300, 150, 90}} {
		for k, d := range discounts(of) {
			if k > 0 && !(d > 0 && d <= float64(k)) {
				t.Errorf("counts of counts %v: discount %v of count %d", of, d, k)
			}
		}
	}
}

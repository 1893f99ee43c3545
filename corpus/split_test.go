package corpus

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ranklab/internal/random"
)

func TestConcat(t *testing.T) {
	s := prepare(t, textOptions(t, folder(t, prose(1, 30))))
	stream := slices.Concat(documents(s.Train)...)
	for _, T := range []int{2, 7, 64, len(stream) - 1} {
		n := s.Train.Sequences(PackingConcat, T)
		if want := (len(stream) - 1) / T; n != want {
			t.Fatalf("T = %d: %d sequences, want %d", T, n, want)
		}
		tokens, targets := make([]int32, T+1), make([]int32, T+1)
		tokens[T], targets[T] = -7, -7
		for i := range n {
			if got := s.Train.Sequence(PackingConcat, T, i, tokens, targets); got != T {
				t.Fatalf("sequence %d has %d targets", i, got)
			}
			if !slices.Equal(tokens[:T], stream[i*T:i*T+T]) || !slices.Equal(targets[:T], stream[i*T+1:i*T+T+1]) {
				t.Fatalf("T = %d: sequence %d is not its window", T, i)
			}
		}
		if tokens[T] != -7 || targets[T] != -7 {
			t.Error("written beyond T")
		}
		if got := s.Train.Targets(PackingConcat, T); got != int64(n*T) {
			t.Errorf("T = %d: %d targets, want %d", T, got, n*T)
		}
	}
	if got := s.Train.Sequences(PackingConcat, len(stream)); got != 0 {
		t.Errorf("%d sequences longer than the stream", got)
	}
}

func TestPad(t *testing.T) {
	s := prepare(t, textOptions(t, folder(t, prose(1, 30))))
	all := documents(s.Train)
	eos, pad := s.Tokenizer.EOS(), s.Tokenizer.Pad()
	shortest, longest := len(all[0]), 0
	for _, d := range all {
		shortest, longest = min(shortest, len(d)), max(longest, len(d))
	}
	for _, T := range []int{2, shortest - 1, shortest, (shortest + longest) / 2, longest, longest + 5} {
		if got := s.Train.Sequences(PackingPad, T); got != len(all) {
			t.Fatalf("%d sequences of %d documents", got, len(all))
		}
		tokens, targets := make([]int32, T), make([]int32, T)
		total := int64(0)
		for i, d := range all {
			var wantTokens, wantTargets []int32
			if len(d) > T {
				d = append(slices.Clone(d[:T-1]), eos)
			}
			for j := range T {
				token, target := pad, int32(NoTarget)
				if j < len(d) {
					token = d[j]
				}
				if j+1 < len(d) {
					target = d[j+1]
				}
				wantTokens, wantTargets = append(wantTokens, token), append(wantTargets, target)
			}
			n := s.Train.Sequence(PackingPad, T, i, tokens, targets)
			if !slices.Equal(tokens, wantTokens) || !slices.Equal(targets, wantTargets) || n != len(d)-1 {
				t.Fatalf("T = %d, document %d: %v %v (%d targets), want %v %v", T, i, tokens, targets, n, wantTokens, wantTargets)
			}
			total += int64(n)
		}
		if got := s.Train.Targets(PackingPad, T); got != total {
			t.Errorf("T = %d: %d targets, want %d", T, got, total)
		}
	}
}

func TestSequenceAllocatesNothing(t *testing.T) {
	s := prepare(t, textOptions(t, folder(t, prose(1, 30))))
	const T = 64
	tokens, targets := make([]int32, T), make([]int32, T)
	for _, packing := range []string{PackingConcat, PackingPad} {
		o := Order{random.New(1).Stream("order"), s.Train.Sequences(packing, T)}
		n := 0
		if got := testing.AllocsPerRun(200, func() {
			s.Train.Sequence(packing, T, o.At(n), tokens, targets)
			n++
		}); got != 0 {
			t.Errorf("%s: %v allocations", packing, got)
		}
	}
}

func TestOrder(t *testing.T) {
	o := Order{random.New(3).Stream("order"), 37}
	epoch := func(o Order, e int) []int {
		var all []int
		for n := e * o.N; n < (e+1)*o.N; n++ {
			all = append(all, o.At(n))
		}
		return all
	}
	seen := make(map[string]bool)
	for e := range 4 {
		got := epoch(o, e)
		seen[fmt.Sprint(got)] = true
		slices.Sort(got)
		for i, v := range got {
			if i != v {
				t.Fatalf("epoch %d does not read each sequence once: %v", e, got)
			}
		}
	}
	if len(seen) != 4 {
		t.Error("two epochs have the same order")
	}
	if slices.Equal(epoch(o, 0), epoch(Order{random.New(4).Stream("order"), 37}, 0)) {
		t.Error("the order does not depend on the seed")
	}
	if got := o.Epochs(74 + 37/2); got < 2.4 || got > 2.5 {
		t.Errorf("%v epochs", got)
	}
}

func TestEvalSet(t *testing.T) {
	s := prepare(t, textOptions(t, folder(t, prose(1, 60))))
	for _, packing := range []string{PackingConcat, PackingPad} {
		const T = 50
		tokens, targets := make([]int32, T), make([]int32, T)
		for _, wanted := range []int{1, 120, 1 << 40} {
			e := EvalSet(s.Val, packing, T, wanted)
			count, last := 0, 0
			var bytes int64
			for i := range e.Sequences {
				last = e.Sequence(i, tokens, targets)
				count += last
				var text []int32
				for _, target := range targets {
					if target >= 0 {
						text = append(text, target)
					}
				}
				bytes += int64(len(s.Tokenizer.Decode(text)))
			}
			if e.Targets != count || e.Bytes != bytes {
				t.Errorf("%s: %d targets of %d bytes, want %d of %d", packing, e.Targets, e.Bytes, count, bytes)
			}
			if all := e.Sequences == s.Val.Sequences(packing, T); !all && (count < wanted || count-last >= wanted) {
				t.Errorf("%s: %d targets in %d sequences for %d wanted", packing, count, e.Sequences, wanted)
			} else if wanted > 1<<30 && !all {
				t.Errorf("%s: %d of %d sequences", packing, e.Sequences, s.Val.Sequences(packing, T))
			}
		}
	}
	a, b := EvalSet(s.Val, PackingConcat, 50, 200), EvalSet(s.Val, PackingConcat, 50, 200)
	c, d := EvalSet(s.Val, PackingConcat, 50, 300), EvalSet(s.Val, PackingPad, 50, 200)
	if a.Digest != b.Digest || a.Digest == c.Digest || a.Digest == d.Digest {
		t.Error("the digest does not identify the evaluation")
	}
}

// The set that follows another one starts where that ends, and the two together
// are the larger set.
func TestNextEvalSet(t *testing.T) {
	s := prepare(t, textOptions(t, folder(t, prose(1, 60))))
	for _, packing := range []string{PackingConcat, PackingPad} {
		const T = 50
		first := EvalSet(s.Val, packing, T, 200)
		next := first.Next(100)
		both := EvalSet(s.Val, packing, T, first.Targets+next.Targets)
		if next.Targets < 100 || both.Sequences != first.Sequences+next.Sequences || both.Targets != first.Targets+next.Targets || both.Bytes != first.Bytes+next.Bytes {
			t.Errorf("%s: %d and %d sequences, together %d", packing, first.Sequences, next.Sequences, both.Sequences)
		}
		a, b, targets := make([]int32, T), make([]int32, T), make([]int32, T)
		for i := range next.Sequences {
			next.Sequence(i, a, targets)
			both.Sequence(first.Sequences+i, b, targets)
			if !slices.Equal(a, b) {
				t.Errorf("%s: sequence %d differs", packing, i)
			}
		}
		rest := next.Next(1 << 40)
		if n := s.Val.Sequences(packing, T); first.Sequences+next.Sequences+rest.Sequences != n {
			t.Errorf("%s: %d sequences are left of %d", packing, rest.Sequences, n)
		}
		if none := rest.Next(1); none.Sequences != 0 || none.Targets != 0 {
			t.Errorf("%s: %d sequences beyond the end", packing, none.Sequences)
		}
	}
}

func TestNgrams(t *testing.T) {
	o := textOptions(t, folder(t, prose(1, 80)))
	calls := 0
	o.Progress = func(stage string, done, total int64) {
		if stage == StageNgrams {
			calls++
		}
	}
	s := prepare(t, o)
	e := EvalSet(s.Val, PackingConcat, 64, 2000)
	want := Ngrams(s.Train, e, 1, 2, 3)
	for range 2 {
		got, err := s.Ngrams(t.Context(), e, 1, 2, 3)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
		if calls == 0 {
			t.Fatal("nothing was counted")
		}
		calls = -1 // the second time, nothing is
	}
	if calls != -1 {
		t.Error("the cache was not used")
	}
	empty := EvalSet(s.Val, PackingConcat, 1<<20, 1)
	if _, err := s.Ngrams(t.Context(), empty, 1); err == nil || Ngrams(s.Train, empty, 1) != nil {
		t.Error("an empty evaluation has baselines")
	}
	if want[0].Name != "unigram" || !(want[0].Loss > want[1].Loss && want[1].Loss > 0) {
		t.Errorf("baselines %+v", want)
	}
	// 600 tokens of pseudo-words: below uniform, above nothing.
	if want[0].PPL > 600 || want[0].BitsPerByte < 0.5 || want[0].BitsPerByte > 8 {
		t.Errorf("unigram %+v", want[0])
	}
}

func TestDescribe(t *testing.T) {
	s := prepare(t, textOptions(t, folder(t, prose(1, 60))))
	d := s.Describe(PackingPad, 64, 120)
	if d.Sequences != s.Manifest.Train.Documents || d.RunPositions != 120*64 || d.TargetsPerPosition <= 0 || d.TargetsPerPosition >= 1 {
		t.Errorf("summary %+v", d)
	}
	if want := 120 / float64(d.Sequences); d.Epochs != want {
		t.Errorf("%v epochs, want %v", d.Epochs, want)
	}
	text := d.String()
	for _, want := range []string{s.Manifest.TextDigest, "bpe-600", "120 sequences", "epochs", "validation"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description does not mention %q:\n%s", want, text)
		}
	}
}

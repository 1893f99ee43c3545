package dedup

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// slowSet is the set of shingles from strings, an independent reading of the
// package comment.
func slowSet(text string) map[string]bool {
	var tokens []string
	word := ""
	flush := func() {
		if word != "" {
			tokens = append(tokens, word)
			word = ""
		}
	}
	for _, c := range []byte(strings.ToLower(text)) {
		switch {
		case bytes.IndexByte([]byte(" \t\n\v\f\r"), c) >= 0:
			flush()
		case c >= '0' && c <= '9':
			if !strings.HasSuffix(word, "0") {
				word += "0"
			}
		case c >= 'a' && c <= 'z' || c == '_' || c >= 0x80:
			word += string([]byte{c})
		default:
			flush()
			tokens = append(tokens, string(rune(c)))
		}
	}
	flush()
	set := make(map[string]bool)
	for i := 0; i+Width <= len(tokens); i++ {
		set[strings.Join(tokens[i:i+Width], " ")] = true
	}
	if len(tokens) < Width {
		set[strings.Join(tokens, " ")] = true
	}
	return set
}

func slowJaccard(a, b map[string]bool) float64 {
	both := 0
	for s := range a {
		if b[s] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

func TestJaccardMatchesSetsOfStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "B2", "b17", "x_1", "(", ")", "\n", "é", "{}", " "}), 0, 60)
		a := strings.Join(words.Draw(t, "a"), " ")
		b := strings.Join(words.Draw(t, "b"), " ")
		got, want := Jaccard(NewSketch([]byte(a)), NewSketch([]byte(b))), slowJaccard(slowSet(a), slowSet(b))
		if math.Abs(got-want) > 1e-12 {
			t.Fatalf("Jaccard(%q, %q) = %v, want %v", a, b, got, want)
		}
	})
}

// randomSketch draws a sorted set of n different values below m.
func randomSketch(r *rand.Rand, n int, m uint32) Sketch {
	set := make(map[uint32]bool)
	for len(set) < n {
		set[r.Uint32N(m)*7919] = true
	}
	s := make(Sketch, 0, n)
	for h := range set {
		s = append(s, h)
	}
	slices.Sort(s)
	return s
}

func TestFindMissesNoPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		threshold := rapid.SampledFrom([]float64{0.3, 0.5, 0.7, 0.75, 0.8, 1}).Draw(t, "threshold")
		n := rapid.IntRange(0, 40).Draw(t, "documents")
		var sketches []Sketch
		for range n {
			if len(sketches) == 0 || r.IntN(3) == 0 {
				sketches = append(sketches, randomSketch(r, 1+r.IntN(30), 200))
				continue
			}
			s := slices.Clone(sketches[r.IntN(len(sketches))]) // a copy with a few changes
			for range r.IntN(5) {
				s[r.IntN(len(s))] = r.Uint32N(200) * 7919
			}
			slices.Sort(s)
			sketches = append(sketches, slices.Compact(s))
		}
		var want []Pair
		dropped := make(map[int]bool)
		for i, s := range sketches {
			best := Pair{Doc: i, Of: -1}
			for j := range i {
				if v := Jaccard(s, sketches[j]); !dropped[j] && v >= threshold && v > best.Similarity {
					best.Of, best.Similarity = j, v
				}
			}
			if best.Of >= 0 {
				dropped[i] = true
				want = append(want, best)
			}
		}
		if got := Find(sketches, threshold); !slices.Equal(got, want) {
			t.Fatalf("Find = %v, want %v", got, want)
		}
	})
}

func TestLargeDocumentsAreEstimated(t *testing.T) {
	text := func(from, to int) []byte {
		var b bytes.Buffer
		for i := from; i < to; i++ {
			// Words of letters only, since digits are folded.
			fmt.Fprintf(&b, "%s ", strings.Map(func(c rune) rune { return c - '0' + 'a' }, fmt.Sprint(i)))
		}
		return b.Bytes()
	}
	a, b := NewSketch(text(0, 80_000)), NewSketch(text(20_000, 100_000))
	if len(a) != SketchSize || len(b) != SketchSize {
		t.Fatalf("sketches have %d and %d hashes, want full ones", len(a), len(b))
	}
	if got := Jaccard(a, b); math.Abs(got-0.6) > 0.015 {
		t.Errorf("estimate %v of a Jaccard index of 0.6", got)
	}
}

func TestFoldedCopies(t *testing.T) {
	a := "func Dscal(n int, alpha float64, x []float64, incX int) { for i := range x { x[i] *= alpha } }"
	b := strings.ReplaceAll(a, "float64", "float32")
	c := "package main; import \"fmt\"; func main() { fmt.Println(1, 2, 3); fmt.Println(4) }"
	got := Find([]Sketch{NewSketch([]byte(a)), NewSketch([]byte(c)), NewSketch([]byte(b))}, 0.75)
	if want := []Pair{{2, 0, 1}}; !slices.Equal(got, want) {
		t.Errorf("Find = %v, want %v", got, want)
	}
}

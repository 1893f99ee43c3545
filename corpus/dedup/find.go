package dedup

import (
	"cmp"
	"math"
	"slices"
)

// A Pair says that document Doc is a near-copy of the earlier document Of,
// which was kept. Documents are counted from 0.
type Pair struct {
	Doc, Of    int
	Similarity float64
}

// Find goes through documents in order and drops each whose similarity to a
// document kept before reaches the threshold, 0 < threshold ≤ 1. It returns
// the dropped ones in order, each with the most similar kept document (the
// first among equals). No pair is missed.
//
// Two sets with Jaccard index t or more share at least t·max(|a|, |b|)
// elements. Under any common order of elements, they then share one among the
// first |x| − ⌈t·|x|⌉ + 1 elements of each (prefix filtering; Bayardo, Ma and
// Srikant, "Scaling up all pairs similarity search", WWW 2007). With the
// rarest shingles first, an inverted index over these prefixes yields few
// candidates, which are compared exactly.
func Find(sketches []Sketch, threshold float64) []Pair {
	if threshold <= 0 || threshold > 1 {
		panic("dedup: the threshold is not in (0, 1]")
	}
	frequency := countBuckets(sketches)
	var (
		pairs  []Pair
		prefix []uint32
		head   = make(map[uint32]int32) // shingle -> 1 + its last posting
		chain  []posting
		seen   = make([]int32, len(sketches)) // seen[d] == 1 + i: d is already a candidate of i
	)
	for i, s := range sketches {
		prefix = rarest(prefix[:0], s, prefixLength(len(s), threshold), frequency)
		best := Pair{Doc: i, Of: -1}
		for _, h := range prefix {
			for p := head[h]; p != 0; p = chain[p-1].next {
				d := chain[p-1].doc
				if seen[d] == int32(i)+1 {
					continue
				}
				seen[d] = int32(i) + 1
				if !couldReach(len(s), len(sketches[d]), threshold) {
					continue
				}
				similarity := Jaccard(s, sketches[d])
				if similarity < threshold {
					continue
				}
				if best.Of < 0 || similarity > best.Similarity || similarity == best.Similarity && int(d) < best.Of {
					best.Of, best.Similarity = int(d), similarity
				}
			}
		}
		if best.Of >= 0 {
			pairs = append(pairs, best)
			continue
		}
		for _, h := range prefix {
			chain = append(chain, posting{int32(i), head[h]})
			head[h] = int32(len(chain))
		}
	}
	return pairs
}

// A posting is one document in the list of a shingle; next is 1 + the index
// of the posting before it, 0 at the end.
type posting struct{ doc, next int32 }

// prefixLength returns how many of n elements have to be indexed.
func prefixLength(n int, threshold float64) int {
	return n - int(math.Ceil(float64(threshold*float64(n))-1e-9)) + 1
}

// couldReach reports whether sets of these sizes can have that similarity.
func couldReach(a, b int, threshold float64) bool {
	return float64(min(a, b)) >= float64(threshold*float64(max(a, b)))-1e-9
}

const bucketBits = 22

// countBuckets counts the documents per bucket of shingles: an approximate
// document frequency in fixed memory.
func countBuckets(sketches []Sketch) []int32 {
	counts := make([]int32, 1<<bucketBits)
	for _, s := range sketches {
		for _, h := range s {
			counts[h>>(32-bucketBits)]++
		}
	}
	return counts
}

// rarest appends the n elements of s that come first by (frequency, hash).
func rarest(dst []uint32, s Sketch, n int, frequency []int32) []uint32 {
	dst = append(dst, s...)
	slices.SortFunc(dst, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(frequency[a>>(32-bucketBits)], frequency[b>>(32-bucketBits)]), cmp.Compare(a, b))
	})
	return dst[:n]
}

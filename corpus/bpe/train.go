package bpe

import (
	"bytes"
	"cmp"
	"container/heap"
	"fmt"
	"maps"
	"slices"
)

// Counts holds how often each chunk occurs in a training text. The order in
// which texts are added does not matter. Its zero value is not usable; see
// [NewCounts].
type Counts struct{ chunks map[string]*int64 }

// NewCounts returns empty counts.
func NewCounts() *Counts { return &Counts{make(map[string]*int64)} }

// Add counts the chunks of a text.
func (c *Counts) Add(text []byte) {
	for len(text) > 0 {
		n := Chunk(text)
		if n > 1 { // a single byte is a token already
			if count, found := c.chunks[string(text[:n])]; found {
				*count++
			} else {
				one := int64(1)
				c.chunks[string(text[:n])] = &one
			}
		}
		text = text[n:]
	}
}

// Merge adds the counts of other to c.
func (c *Counts) Merge(other *Counts) {
	for chunk, n := range other.chunks {
		if count, found := c.chunks[chunk]; found {
			*count += *n
		} else {
			copied := *n
			c.chunks[chunk] = &copied
		}
	}
}

// Len is the number of different chunks.
func (c *Counts) Len() int { return len(c.chunks) }

// Train finds the merges of a vocabulary of the given size, special tokens and
// bytes included. Each merge joins the pair of adjacent tokens that is most
// frequent in the text; among equally frequent pairs, the one whose left
// token's bytes, then whose right token's bytes, come first (then whose ids
// do). Pairs that occur once are not merged: training may end with fewer
// tokens than asked for. progress, if not nil, hears of each merge.
func Train(counts *Counts, size int, progress func(done, total int64)) (*Tokenizer, error) {
	if size < MinVocab || size > MaxVocab {
		return nil, fmt.Errorf("bpe: a vocabulary of %d tokens: it must be between %d and %d", size, MinVocab, MaxVocab)
	}
	tr := newTrainer(counts)
	total := int64(size - firstID)
	for len(tr.merges) < int(total) && tr.step() {
		if progress != nil {
			progress(int64(len(tr.merges)), total)
		}
	}
	return New(size, tr.merges)
}

// A trainer holds the chunks as tokens and an index of the pairs in them.
type trainer struct {
	words  []word
	pairs  []pairInfo
	index  map[Merge]int32 // into pairs
	heap   candidates
	merges []Merge
	bytes  [][]byte // per id
	last   []int32  // per word: 1 + the last merge that touched it
	fresh  []int32  // pairs born in this step
}

type word struct {
	ids   []int32
	count int64
}

type pairInfo struct {
	pair  Merge
	count int64
	words []int32 // where the pair occurs or once occurred
}

func newTrainer(counts *Counts) *trainer {
	tr := &trainer{index: make(map[Merge]int32), bytes: make([][]byte, firstID)}
	for b := range 256 {
		tr.bytes[firstByte+b] = []byte{byte(b)}
	}
	tr.heap.tr = tr
	var slab []int32
	for _, chunk := range slices.Sorted(maps.Keys(counts.chunks)) {
		if len(slab) < len(chunk) {
			slab = make([]int32, 1<<16)
		}
		ids := slab[:len(chunk):len(chunk)]
		slab = slab[len(chunk):]
		for i := range len(chunk) {
			ids[i] = firstByte + int32(chunk[i])
		}
		tr.words = append(tr.words, word{ids, *counts.chunks[chunk]})
	}
	tr.last = make([]int32, len(tr.words))
	for w, x := range tr.words {
		for i := range len(x.ids) - 1 {
			tr.change(Merge{x.ids[i], x.ids[i+1]}, x.count, int32(w))
		}
	}
	tr.pushFresh()
	return tr
}

// change adds n occurrences of a pair in word w; n may be negative.
func (tr *trainer) change(pair Merge, n int64, w int32) {
	i, found := tr.index[pair]
	if !found {
		i = int32(len(tr.pairs))
		tr.index[pair] = i
		tr.pairs = append(tr.pairs, pairInfo{pair: pair})
		tr.fresh = append(tr.fresh, i)
	}
	p := &tr.pairs[i]
	p.count += n
	if n > 0 && (len(p.words) == 0 || p.words[len(p.words)-1] != w) {
		p.words = append(p.words, w)
	}
}

// pushFresh makes the new pairs candidates. The count of a pair grows only in
// the step that creates its newer token; later it can only fall.
func (tr *trainer) pushFresh() {
	for _, i := range tr.fresh {
		if tr.pairs[i].count > 1 {
			heap.Push(&tr.heap, candidate{tr.pairs[i].count, i})
		}
	}
	tr.fresh = tr.fresh[:0]
}

// step makes one merge and reports whether there was one to make.
func (tr *trainer) step() bool {
	for tr.heap.Len() > 0 {
		top := &tr.heap.items[0]
		p := &tr.pairs[top.pair]
		if p.count == top.count {
			tr.apply(top.pair)
			return true
		}
		if p.count > 1 { // the count fell since it was pushed
			top.count = p.count
			heap.Fix(&tr.heap, 0)
		} else {
			heap.Pop(&tr.heap)
		}
	}
	return false
}

func (tr *trainer) apply(i int32) {
	heap.Pop(&tr.heap)
	pair, where := tr.pairs[i].pair, tr.pairs[i].words
	tr.pairs[i].words = nil
	id := int32(firstID + len(tr.merges))
	tr.merges = append(tr.merges, pair)
	tr.bytes = append(tr.bytes, slices.Concat(tr.bytes[pair.Left], tr.bytes[pair.Right]))
	for _, w := range where {
		if tr.last[w] == int32(len(tr.merges)) {
			continue
		}
		tr.last[w] = int32(len(tr.merges))
		tr.join(w, pair, id)
	}
	tr.pushFresh()
}

// join replaces a pair by its token in one word and keeps the counts.
func (tr *trainer) join(w int32, pair Merge, id int32) {
	x := &tr.words[w]
	in := x.ids
	out := in[:0] // never ahead of what is still to be read
	for i := 0; i < len(in); i++ {
		if i+1 == len(in) || in[i] != pair.Left || in[i+1] != pair.Right {
			out = append(out, in[i])
			continue
		}
		tr.change(pair, -x.count, w)
		if n := len(out); n > 0 {
			tr.change(Merge{out[n-1], pair.Left}, -x.count, w)
			tr.change(Merge{out[n-1], id}, x.count, w)
		}
		if i+2 < len(in) {
			tr.change(Merge{pair.Right, in[i+2]}, -x.count, w)
			tr.change(Merge{id, in[i+2]}, x.count, w)
		}
		out = append(out, id)
		i++
	}
	x.ids = out
}

// A candidate is a pair with its count at the time it was pushed.
type candidate struct {
	count int64
	pair  int32
}

// candidates is a heap with the next merge on top.
type candidates struct {
	tr    *trainer
	items []candidate
}

func (h *candidates) Len() int      { return len(h.items) }
func (h *candidates) Swap(i, j int) { h.items[i], h.items[j] = h.items[j], h.items[i] }
func (h *candidates) Push(x any)    { h.items = append(h.items, x.(candidate)) }

func (h *candidates) Pop() any {
	last := h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	return last
}

func (h *candidates) Less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	if a.count != b.count {
		return a.count > b.count
	}
	p, q := h.tr.pairs[a.pair].pair, h.tr.pairs[b.pair].pair
	return cmp.Or(
		bytes.Compare(h.tr.bytes[p.Left], h.tr.bytes[q.Left]),
		bytes.Compare(h.tr.bytes[p.Right], h.tr.bytes[q.Right]),
		cmp.Compare(p.Left, q.Left),
		cmp.Compare(p.Right, q.Right),
	) < 0
}

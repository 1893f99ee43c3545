package sentencepiece

// unknownPenalty is how far the score of a character outside the vocabulary
// lies below the lowest score of a piece.
const unknownPenalty = 10

// userDefinedBonus is the score of a user-defined piece per byte after the
// first, as in SentencePiece 0.2.3. Scores of other pieces are logarithms of
// probabilities, below 0.
const userDefinedBonus = 0.1

// A step is the best way to reach a position of the normalized text: the last
// piece on it and where this piece starts.
type step struct {
	score float32
	start int32 // -1: not reached
	id    int32
}

// scratch is the memory of one call of Encode, kept for the next.
type scratch struct {
	text []byte
	best []step
	ids  []int32
}

// segment returns the pieces of a normalized text whose scores have the
// largest sum (Viterbi; T. Kudo, arXiv:1804.10959). A character that is not a
// piece by itself is also tried as unknown. Ties go to the longer last piece,
// which is found first. Sums are rounded to float32 where SentencePiece does, so
// that near-ties fall the same way.
func (m *Model) segment(s *scratch) []int32 {
	n := len(s.text)
	if cap(s.best) < n+1 {
		s.best = make([]step, n+1)
	}
	best := s.best[:n+1]
	for i := range best {
		best[i] = step{start: -1}
	}
	reach := func(start, end int, score float32, id int32) {
		if best[end].start < 0 || score > best[end].score {
			best[end] = step{score, int32(start), id}
		}
	}
	for start := 0; start < n; {
		char := min(charLen(s.text[start]), n-start)
		covered := false
		node := int32(0)
		for end := start; end < n; {
			if node = m.trie.child(node, s.text[end]); node < 0 {
				break
			}
			end++
			id := m.trie.value[node]
			if id < 0 || m.pieces[id].kind == unused {
				continue
			}
			score := m.pieces[id].score
			if m.pieces[id].kind == userDefined { // preferred, the longer the better
				score = float32(userDefinedBonus * float64(end-start-1))
			}
			reach(start, end, score+best[start].score, id)
			covered = covered || end-start == char
		}
		if !covered {
			reach(start, start+char, m.minScore-unknownPenalty+best[start].score, m.unk)
		}
		start += char
	}
	s.ids = s.ids[:0]
	for end := n; end > 0; end = int(best[end].start) {
		s.ids = append(s.ids, best[end].id)
	}
	return s.ids // last piece first
}

// charLen is the length of a UTF-8 character by its first byte; 1 for a byte
// that does not start one.
func charLen(c byte) int {
	switch {
	case c < 0xc0:
		return 1
	case c < 0xe0:
		return 2
	case c < 0xf0:
		return 3
	}
	return 4
}

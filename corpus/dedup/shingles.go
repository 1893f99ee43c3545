// Package dedup finds near-copies among documents.
//
// A document is seen as the set of its shingles, the runs of [Width]
// consecutive tokens (A. Broder, "On the resemblance and containment of
// documents", 1997). Two documents are similar when the Jaccard index of their
// sets, shared shingles over all shingles, reaches a threshold.
//
// Tokens are words (ASCII letters, digits, underscores and all bytes from 0x80
// up) and single bytes of punctuation; white space only separates. Words are
// compared in lower case with each run of digits replaced by one 0, so that
// the float32 and the float64 copy of a routine, or two reports that differ in
// their numbers, count as copies.
package dedup

import "slices"

// Width is the number of tokens in a shingle.
const Width = 5

// SketchSize bounds the shingles kept of one document: the smallest hashes.
// Documents with fewer distinct shingles, about 100 KB of text, are compared
// exactly, larger ones by an unbiased estimate whose standard error is below
// half a percent (bottom-k sketch).
const SketchSize = 16384

// A Sketch is the sorted set of a document's shingle hashes, or the SketchSize
// smallest of them.
type Sketch []uint32

// NewSketch returns the sketch of a text. A text with fewer than Width tokens
// has one shingle.
func NewSketch(text []byte) Sketch {
	var (
		window [Width]uint64
		tokens int
		hashes = make([]uint32, 0, len(text)/4+1)
	)
	for i := 0; i < len(text); {
		c := text[i]
		if isSpace(c) {
			i++
			continue
		}
		h := uint64(14695981039346656037)
		if !isWord(c) {
			h = (h ^ uint64(c)) * 1099511628211
			i++
		} else {
			for digits := false; i < len(text) && isWord(text[i]); i++ {
				c := text[i]
				switch {
				case '0' <= c && c <= '9':
					if digits {
						continue
					}
					digits, c = true, '0'
				case 'A' <= c && c <= 'Z':
					digits, c = false, c+'a'-'A'
				default:
					digits = false
				}
				h = (h ^ uint64(c)) * 1099511628211
			}
		}
		window[tokens%Width] = h
		tokens++
		if tokens >= Width {
			hashes = append(hashes, shingle(&window, tokens, Width))
		}
	}
	if tokens < Width {
		hashes = append(hashes, shingle(&window, tokens, tokens))
	}
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	if len(hashes) > SketchSize {
		hashes = hashes[:SketchSize]
	}
	return slices.Clone(hashes) // without the spare capacity
}

// shingle hashes the last n tokens of the window, oldest first.
func shingle(window *[Width]uint64, tokens, n int) uint32 {
	h := uint64(n)
	for i := tokens - n; i < tokens; i++ {
		h = (h ^ window[i%Width]) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	h *= 0xd6e8feb86659fd93
	return uint32(h >> 32)
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}

// Jaccard returns the Jaccard index of two documents, or its estimate when one
// of the sketches is full.
func Jaccard(a, b Sketch) float64 {
	limit := len(a) + len(b)
	if len(a) == SketchSize || len(b) == SketchSize {
		limit = SketchSize
	}
	both, all := 0, 0
	for i, j := 0, 0; all < limit && (i < len(a) || j < len(b)); all++ {
		switch {
		case j == len(b) || i < len(a) && a[i] < b[j]:
			i++
		case i == len(a) || b[j] < a[i]:
			j++
		default:
			both++
			i++
			j++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(both) / float64(all)
}

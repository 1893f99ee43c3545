package bpe

import "unicode/utf8"

// maxChunk bounds a chunk, and so a token, in bytes: the time to encode a
// chunk grows with the square of its length.
const maxChunk = 64

// A class of characters. The table is closed: it does not follow the Unicode
// version of the Go release, so that a text is cut alike by every build.
type class uint8

const (
	letter class = iota // A-Z a-z _ , invalid bytes, and characters from U+0080 up but for punctuation
	digit               // 0-9
	space               // space \t \n \v \f \r
	punct               // the rest of ASCII, U+00A1-U+00BF, U+2010-U+206F, U+3001-U+301F, U+FF01-U+FF0F
)

// classify returns the class of the character at the start of text, which is
// not empty, and its length.
func classify(text []byte) (class, int) {
	c := text[0]
	if c < utf8.RuneSelf {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_':
			return letter, 1
		case '0' <= c && c <= '9':
			return digit, 1
		case c == ' ' || '\t' <= c && c <= '\r':
			return space, 1
		}
		return punct, 1
	}
	r, n := utf8.DecodeRune(text)
	switch {
	case 0xa1 <= r && r <= 0xbf, 0x2010 <= r && r <= 0x206f, 0x3001 <= r && r <= 0x301f, 0xff01 <= r && r <= 0xff0f:
		return punct, n
	}
	return letter, n
}

// Chunk returns the length of the first chunk of text, 0 when there is none.
// The rule suits code and prose:
//
//   - a run of letters (with underscores), of at most three digits, or of
//     punctuation, each with one space before it if there is one: "func",
//     " return", " :=", "192", "});";
//   - a run of white space, so that a line end comes with the indentation
//     after it ("\n\t\t"); when the run ends in a space and a chunk of the
//     first kind follows, this space goes to that chunk;
//   - no chunk is longer than 64 bytes; a longer run is cut between two
//     characters.
func Chunk(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	kind, n := classify(text)
	if kind == space {
		if text[0] == ' ' && len(text) > 1 {
			if next, size := classify(text[1:]); next != space {
				return extend(text, next, 1+size)
			}
		}
		n = extend(text, space, 1)
		if n > 1 && n < len(text) && text[n-1] == ' ' {
			if next, _ := classify(text[n:]); next != space {
				return n - 1
			}
		}
		return n
	}
	return extend(text, kind, n)
}

// extend returns the end of the run of a class that reaches to n so far.
func extend(text []byte, kind class, n int) int {
	limit := maxChunk
	if kind == digit {
		limit = n + 2 // three digits in all
	}
	for n < len(text) {
		next, size := classify(text[n:])
		if next != kind || n+size > limit {
			break
		}
		n += size
	}
	return n
}

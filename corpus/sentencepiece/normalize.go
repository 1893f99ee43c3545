package sentencepiece

import (
	"bytes"
	"unicode/utf8"
)

// The space symbol U+2581 stands for a space inside pieces.
const spaceSymbol = "▁"

// normalize appends the normalized text to dst: the charsmap (longest match
// first), invalid UTF-8 bytes as U+FFFD each, spaces removed at both ends and
// collapsed inside, one space put in front, spaces written as U+2581; each as
// the model says. Strings of user-defined pieces pass unchanged.
func (m *Model) normalize(dst, text []byte) []byte {
	start := len(dst)
	if m.removeExtra {
		for len(text) > 0 {
			s, n := m.prefix(text)
			if string(s) != " " {
				break
			}
			text = text[n:]
		}
	}
	if len(text) == 0 {
		return dst
	}
	if m.dummyPrefix {
		dst = append(dst, m.space...)
	}
	afterSpace := m.removeExtra
	for len(text) > 0 {
		s, n := m.prefix(text)
		text = text[n:]
		if afterSpace {
			s = bytes.TrimLeft(s, " ")
		}
		for _, c := range s {
			if c == ' ' {
				dst = append(dst, m.space...)
			} else {
				dst = append(dst, c)
			}
		}
		if len(s) > 0 {
			afterSpace = s[len(s)-1] == ' '
		}
		if !m.removeExtra {
			afterSpace = false
		}
	}
	if m.removeExtra {
		for len(dst) > start && bytes.HasSuffix(dst[start:], []byte(m.space)) {
			dst = dst[:len(dst)-len(m.space)]
		}
	}
	return dst
}

var replacementChar = []byte("\ufffd")

// prefix returns the normalized form of the first n bytes of text, n > 0.
func (m *Model) prefix(text []byte) (s []byte, n int) {
	if m.symbols != nil {
		if n := m.symbols.longest(text); n > 0 {
			return text[:n], n
		}
	}
	if m.charsmap != nil {
		if s, n := m.charsmap.longest(text); n > 0 {
			return s, n
		}
	}
	r, n := utf8.DecodeRune(text)
	if r == utf8.RuneError && n == 1 {
		return replacementChar, 1
	}
	return text[:n], n
}

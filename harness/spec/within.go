package spec

import (
	"strings"
	"unicode/utf8"
)

// within returns the place of a piece of a string's value in its source: inside
// the quotes, past whatever escapes stand before it.
func (n *node) within(start, end int) pos {
	if n.kind != stringNode || n.pos.isZero() {
		return n.pos
	}
	at := offsets(n.text)
	if len(at) != len(n.str)+1 {
		return n.pos // not as the parser read it: the whole string will do
	}
	start = min(max(start, 0), len(n.str))
	end = min(max(end, start), len(n.str))
	return n.pos.src.at(n.pos.start+at[start], n.pos.start+at[end])
}

// offsets returns where each byte of a TOML string's value stands in its text,
// and behind the last the place of its end.
func offsets(text string) []int {
	i, last := 0, len(text)
	basic := strings.HasPrefix(text, `"`)
	switch {
	case strings.HasPrefix(text, `"""`) || strings.HasPrefix(text, "'''"):
		i, last = 3, last-3
		// A line end right behind the quotes is no part of the value.
		if strings.HasPrefix(text[i:], "\r\n") {
			i += 2
		} else if strings.HasPrefix(text[i:], "\n") {
			i++
		}
	case basic || strings.HasPrefix(text, "'"):
		i, last = 1, last-1
	}
	var at []int
	for i < last {
		length, bytes := 1, 1 // in the text, and in the value
		if basic && text[i] == '\\' && i+1 < last {
			length, bytes = escape(text[i:last])
		}
		for range bytes {
			at = append(at, i)
		}
		i += length
	}
	return append(at, max(last, 0))
}

// escape returns the length of the escape that text begins with, and how many
// bytes it stands for.
func escape(text string) (length, bytes int) {
	switch text[1] {
	case 'u', 'U':
		if length = 6; text[1] == 'U' {
			length = 10
		}
		if len(text) < length {
			return len(text), 1
		}
		r := rune(0)
		for _, c := range strings.ToLower(text[2:length]) {
			r = r<<4 | rune(strings.IndexRune("0123456789abcdef", c)&15)
		}
		return length, max(utf8.RuneLen(r), 1)
	case ' ', '\t', '\r', '\n': // a line that is carried on
		return len(text) - len(strings.TrimLeft(text[1:], " \t\r\n")), 0
	}
	return 2, 1
}

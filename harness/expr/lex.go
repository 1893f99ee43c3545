package expr

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

type tokenKind int

const (
	end tokenKind = iota
	number
	word
	quoted // within brackets
	symbol
)

type token struct {
	kind  tokenKind
	text  string // of a quoted value, without its quotes
	span  Span
	value float64 // of a number
}

// A lexer cuts the text into tokens. Within the brackets of a selection words
// are wider: methods and values may hold digits, hyphens and dots, so that
// nothing is subtracted there.
type lexer struct {
	text   string
	at     int
	inside bool
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

// isWide reports whether a word within brackets may hold the character.
func isWide(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' || c == '-' || c == '+' }

func (l *lexer) scan() (token, *Error) {
	for l.at < len(l.text) && (l.text[l.at] == ' ' || l.text[l.at] == '\t' || l.text[l.at] == '\n' || l.text[l.at] == '\r') {
		l.at++
	}
	start := l.at
	if start == len(l.text) {
		return token{kind: end, span: Span{start, start}}, nil
	}
	c := l.text[start]
	switch {
	case l.inside && isWide(c):
		return l.run(word, isWide), nil
	case l.inside && (c == '\'' || c == '"'):
		return l.quote(c)
	case isLetter(c):
		return l.run(word, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' }), nil
	case isDigit(c) || c == '.':
		return l.number()
	}
	return l.symbol()
}

func (l *lexer) run(kind tokenKind, in func(byte) bool) token {
	start := l.at
	for l.at < len(l.text) && in(l.text[l.at]) {
		l.at++
	}
	return l.since(kind, start)
}

func (l *lexer) since(kind tokenKind, start int) token {
	span := Span{start, l.at}
	return token{kind: kind, text: span.Of(l.text), span: span}
}

// number reads digits, a fraction and an exponent: 1.03, 80_000, 2.2e9.
func (l *lexer) number() (token, *Error) {
	start := l.at
	for l.at < len(l.text) {
		c := l.text[l.at]
		sign := (c == '-' || c == '+') && (l.text[l.at-1] == 'e' || l.text[l.at-1] == 'E')
		if !isLetter(c) && !isDigit(c) && c != '.' && (!sign || l.at == start) {
			break
		}
		l.at++
	}
	t := l.since(number, start)
	x, ok := parseNumber(t.text)
	if !ok {
		return t, &Error{t.span, fmt.Sprintf("%q is no number", t.text), ""}
	}
	t.value = x
	return t, nil
}

func (l *lexer) quote(mark byte) (token, *Error) {
	start := l.at
	for l.at++; l.at < len(l.text); l.at++ {
		if l.text[l.at] == mark {
			l.at++
			t := l.since(quoted, start)
			t.text = t.text[1 : len(t.text)-1]
			return t, nil
		}
	}
	return token{}, &Error{Span{start, l.at}, "the quoted value has no end", ""}
}

// symbol reads one of the symbols, or says what to write for another.
func (l *lexer) symbol() (token, *Error) {
	start := l.at
	r, size := utf8.DecodeRuneInString(l.text[start:])
	two := l.text[start:min(start+2, len(l.text))]
	l.at += size
	if two == "<=" || two == ">=" {
		l.at = start + 2
		return l.since(symbol, start), nil
	}
	suggestion := ""
	if slices.Contains([]string{"==", "!=", "=<", "=>", "&&", "||", "**"}, two) {
		l.at = start + 2
	}
	switch span := (Span{start, l.at}); span.Of(l.text) {
	case "<", ">", "+", "-", "*", "/", "(", ")", "[", "]", ",":
		return l.since(symbol, start), nil
	case "=":
		if l.inside {
			return l.since(symbol, start), nil
		}
		suggestion = "noisy results are never equal: claim <= or >="
	case "==":
		suggestion = "noisy results are never equal: claim <= or >="
		if l.inside {
			suggestion = "write ="
		}
	case "!=", "≠":
		suggestion = "claim < or >"
	case "=<", "≤":
		suggestion = "write <="
	case "=>", "≥":
		suggestion = "write >="
	case "&&", "&":
		suggestion = "write and"
	case "||", "|":
		suggestion = "write or"
	case "!":
		suggestion = "write not"
	case "×", "·":
		suggestion = "write *"
	case "%":
		suggestion = "write a factor: 1.03 for 3 % more"
	case "^", "**":
		suggestion = "there are + - * / min and max"
	case "'", "\"":
		suggestion = "only values within brackets are quoted"
	case "{", "}":
		suggestion = "a selection stands in brackets: ppl[galore]"
	}
	if r == utf8.RuneError {
		return token{}, &Error{Span{start, l.at}, "the claim is not valid UTF-8", ""}
	}
	return token{}, &Error{Span{start, l.at}, fmt.Sprintf("%q is no part of a claim", l.text[start:l.at]), suggestion}
}

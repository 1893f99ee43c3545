package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Parse reads the expression of a claim. The error is an [*Error].
func Parse(text string) (*Node, error) {
	if len(text) > MaxBytes {
		return nil, &Error{Span{0, 0}, fmt.Sprintf("the expression has %d bytes; at most %d are read", len(text), MaxBytes), ""}
	}
	p := &parser{lexer: lexer{text: text}}
	p.next()
	n := p.or(0)
	if p.err == nil && p.tok.kind != end {
		p.unexpected("the end of the claim")
	}
	if p.err == nil && !n.Boolean() {
		p.fail(n.Span, "compare it: < <= > or >=", "a claim is true or false; this is a number")
	}
	if p.err != nil {
		return nil, p.err
	}
	return n, nil
}

// A parser reads tokens by recursive descent. After the first error every
// method returns a node that stands for nothing, and no token follows.
type parser struct {
	lexer
	tok  token
	last int // end of the token before
	err  *Error
}

func (p *parser) next() {
	p.last = p.tok.span.End
	if p.err != nil {
		return
	}
	var err *Error
	if p.tok, err = p.scan(); err != nil {
		p.fail(err.Span, err.Suggestion, "%s", err.Message)
	}
}

func (p *parser) fail(at Span, suggestion, format string, args ...any) *Node {
	if p.err == nil {
		p.err = &Error{at, fmt.Sprintf(format, args...), suggestion}
		p.tok = token{kind: end, span: Span{len(p.text), len(p.text)}}
	}
	return &Node{Op: Number, Span: at}
}

// unexpected reports the present token where something else was due.
func (p *parser) unexpected(want string) *Node {
	t := p.tok
	if t.kind == end {
		return p.fail(t.span, "", "the claim ends where %s was expected", want)
	}
	suggestion := ""
	switch {
	case t.kind == word && (t.text == "AND" || t.text == "OR" || t.text == "NOT"):
		suggestion = "write " + strings.ToLower(t.text)
	case t.kind == symbol && t.text == "[":
		suggestion = "a column stands before its selection: ppl[galore]"
	}
	return p.fail(t.span, suggestion, "%q stands where %s was expected", t.text, want)
}

func (p *parser) is(kind tokenKind, texts ...string) bool {
	if p.tok.kind != kind {
		return false
	}
	for _, text := range texts {
		if p.tok.text == text {
			return true
		}
	}
	return len(texts) == 0
}

// take passes over a symbol that has to follow.
func (p *parser) take(text, why string) bool {
	if !p.is(symbol, text) {
		p.unexpected(strconv.Quote(text) + why)
		return false
	}
	p.next()
	return true
}

// binary reads operand { operator operand }, from the left.
func (p *parser) binary(depth int, kind tokenKind, ops []string, boolean bool, operand func(int) *Node) *Node {
	left := operand(depth)
	for p.err == nil && p.is(kind, ops...) {
		op := Op(p.tok.text)
		p.next()
		right := operand(depth)
		left = p.join(op, boolean, left, right)
	}
	return left
}

// join makes a node of operands, all of them booleans or all of them numbers.
func (p *parser) join(op Op, boolean bool, args ...*Node) *Node {
	if p.err != nil {
		return args[0]
	}
	name := string(op)
	if op == Negate {
		name = "-"
	}
	for _, arg := range args {
		switch {
		case boolean && !arg.Boolean():
			return p.fail(arg.Span, "compare it: < <= > or >=", "%q takes what is true or false; this is a number", name)
		case !boolean && arg.Boolean():
			return p.fail(arg.Span, "", "%q takes numbers; this is true or false", name)
		}
	}
	return &Node{Op: op, Span: Span{args[0].Span.Start, p.last}, Args: args}
}

func (p *parser) or(depth int) *Node  { return p.binary(depth, word, []string{"or"}, true, p.and) }
func (p *parser) and(depth int) *Node { return p.binary(depth, word, []string{"and"}, true, p.not) }

// deeper reports whether there is room for one more level.
func (p *parser) deeper(depth int) bool {
	if depth < MaxDepth {
		return true
	}
	p.fail(p.tok.span, "", "the claim nests more than %d deep", MaxDepth)
	return false
}

func (p *parser) not(depth int) *Node {
	if !p.is(word, "not") {
		return p.comparison(depth)
	}
	start := p.tok.span.Start
	if p.next(); !p.deeper(depth) {
		return &Node{}
	}
	n := p.join(Not, true, p.not(depth+1))
	n.Span.Start = start
	return n
}

func (p *parser) comparison(depth int) *Node {
	n := p.sum(depth)
	if p.err != nil || !p.is(symbol, "<", "<=", ">", ">=") {
		return n
	}
	op := Op(p.tok.text)
	p.next()
	right := p.sum(depth)
	n = p.join(op, false, n, right)
	if p.err == nil && p.is(symbol, "<", "<=", ">", ">=") {
		return p.fail(p.tok.span, "write a < b and b < c", "a comparison has two sides")
	}
	return n
}

func (p *parser) sum(depth int) *Node {
	return p.binary(depth, symbol, []string{"+", "-"}, false, p.product)
}

func (p *parser) product(depth int) *Node {
	return p.binary(depth, symbol, []string{"*", "/"}, false, p.factor)
}

func (p *parser) factor(depth int) *Node {
	t := p.tok
	if !p.deeper(depth) {
		return &Node{}
	}
	switch {
	case t.kind == number:
		p.next()
		return &Node{Op: Number, Span: t.span, Value: t.value}
	case p.is(symbol, "-"):
		p.next()
		n := p.join(Negate, false, p.factor(depth+1))
		n.Span.Start = t.span.Start
		return n
	case p.is(symbol, "("):
		p.next()
		n := p.or(depth + 1)
		if p.err == nil && p.take(")", "") {
			n.Span = Span{t.span.Start, p.last}
		}
		return n
	case t.kind == word && t.text != "and" && t.text != "or" && t.text != "not":
		p.next()
		switch {
		case p.is(symbol, "("):
			return p.call(t, depth)
		case p.is(symbol, "["):
			return p.selection(t)
		case p.err != nil:
			return &Node{}
		}
		return p.fail(t.span, fmt.Sprintf("write %s[method], or %[1]s[method=galore, rank=32]", t.text), "%q does not say of which runs", t.text)
	}
	return p.unexpected("a number or a result")
}

// call reads min(…) or max(…).
func (p *parser) call(name token, depth int) *Node {
	op := Op(name.text)
	if op != Min && op != Max {
		return p.fail(name.span, "there are min and max", "unknown function %q", name.text)
	}
	p.next()
	args := []*Node{p.sum(depth + 1)}
	for p.err == nil && p.is(symbol, ",") {
		p.next()
		args = append(args, p.sum(depth+1))
	}
	if p.err != nil || !p.take(")", "") {
		return &Node{}
	}
	n := p.join(op, false, args...)
	n.Span.Start = name.span.Start
	return n
}

// selection reads what follows a column: "[" filter { "," filter } "]".
func (p *parser) selection(column token) *Node {
	n := &Node{Op: Select, Column: column.text, At: column.span}
	p.inside = true
	p.next()
	if p.is(symbol, "]") {
		return p.fail(p.tok.span, "name a method, or settings: rank=32", "the selection of %s names no run", column.text)
	}
	for p.err == nil {
		f := p.filter()
		for _, other := range n.Filters {
			if p.err == nil && other.Key == f.Key {
				return p.fail(f.Span, "one selection means runs that differ in their seed alone", "%s is given twice", f.Key)
			}
		}
		n.Filters = append(n.Filters, f)
		if !p.is(symbol, ",") {
			break
		}
		p.next()
	}
	if p.inside = false; p.err == nil && p.take("]", " or a comma") {
		n.Span = Span{column.span.Start, p.last}
	}
	return n
}

// filter reads a method, or column = value.
func (p *parser) filter() Filter {
	first := p.tok
	if first.kind != word && first.kind != quoted {
		p.unexpected("a method, or a setting and its value")
		return Filter{}
	}
	p.next()
	if !p.is(symbol, "=") {
		if _, isNumber := parseNumber(first.text); isNumber && first.kind == word {
			p.fail(first.span, "write rank="+first.text, "%s is no method: of which setting is it the value?", first.text)
		}
		return Filter{Key: "method", Value: first.text, Span: first.span, At: first.span, Bare: true}
	}
	if first.kind == quoted {
		p.fail(first.span, "write it without quotes", "a setting stands before =")
	}
	p.next()
	value := p.tok
	if value.kind != word && value.kind != quoted {
		p.unexpected("the value of " + first.text)
		return Filter{}
	}
	f := Filter{Key: first.text, Value: value.text, Span: Span{first.span.Start, value.span.End}, At: value.span}
	if value.kind == word {
		if x, ok := parseNumber(value.text); ok {
			f.Value = x
		} else if value.text == "true" || value.text == "false" {
			f.Value = value.text == "true"
		}
	}
	p.next()
	return f
}

// parseNumber reads a finite decimal number, with underscores between digits.
func parseNumber(text string) (float64, bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || !isDigit(digits[0]) && digits[0] != '.' || strings.ContainsAny(digits, "xXpPiInN") {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return x, err == nil && !math.IsInf(x, 0)
}

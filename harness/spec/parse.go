package spec

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// bareWord is what people write when they forget the quotes of a value.
var bareWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*`)

// What no experiment needs more of. Together the limits bound the time and the
// memory that a file can take: messages repeat keys and values of it.
const (
	maxFileBytes   = 1 << 20 // of one file
	maxDepth       = 32      // of nested tables and lists
	maxKeyBytes    = 256     // of one part of a key
	maxStringBytes = 4096    // of one value
	maxItems       = maxRuns // of one list
)

// A parser turns one source into a tree. The syntax is read by go-toml; what a
// key may follow (TOML 1.0: no key twice, no table twice, inline tables closed)
// is checked here, where both places are known.
type parser struct {
	src      *source
	shift    int    // where text starts in src
	text     string // what is parsed
	unstable unstable.Parser
	problems *collector
	root     *node
	current  *node
}

// parse returns the tree of a source. Problems go to the collector; the tree
// then holds what could be read. Quoted keys with dots count as dotted keys:
// "train.steps" is train.steps.
func parse(src *source, problems *collector) *node {
	return parseAt(src, 0, src.text, problems)
}

// parseAt parses text, which stands at offset shift of src.
func parseAt(src *source, shift int, text string, problems *collector) *node {
	p := &parser{src: src, shift: shift, text: text, problems: problems}
	p.root = newTable(p.at(0, 0))
	p.current = p.root
	if len(text) > maxFileBytes {
		problems.fatal(p.at(0, 0), "the file has %d bytes; a spec has at most %d", len(text), maxFileBytes)
		return p.root
	}
	p.unstable.Reset([]byte(text))
	for p.unstable.NextExpression() {
		switch e := p.unstable.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			p.openTable(p.key(e.Key()), e.Kind == unstable.ArrayTable)
		case unstable.KeyValue:
			p.keyValue(p.current, e, 0)
		}
	}
	if err := p.unstable.Error(); err != nil {
		at, message := p.at(len(text), len(text)), err.Error()
		var syntax *unstable.ParserError
		if errors.As(err, &syntax) {
			at, message = p.raw(p.unstable.Range(syntax.Highlight)), syntax.Message
		}
		problems.fatal(at, "TOML syntax: %s", message)
		if word := bareWord.FindString(text[min(at.start-shift, len(text)):]); word != "" {
			problems.list[len(problems.list)-1].Suggestion = `a string needs quotes: "` + word + `"`
		}
	}
	return p.root
}

// at marks a piece of the parsed text.
func (p *parser) at(start, end int) pos { return p.src.at(p.shift+start, p.shift+end) }

func (p *parser) raw(r unstable.Range) pos { return p.at(int(r.Offset), int(r.Offset+r.Length)) }

// A part is one name of a dotted key.
type part struct {
	name string
	pos  pos
}

func (p *parser) key(it unstable.Iterator) []part {
	var parts []part
	for it.Next() {
		n := it.Node()
		at := p.raw(n.Raw)
		names := strings.Split(string(n.Data), ".")
		for _, name := range names {
			if name == "" {
				names = []string{string(n.Data)}
				break
			}
		}
		for _, name := range names {
			if len(name) > maxKeyBytes {
				p.problems.add(at, "", "", "the key is longer than %d bytes", maxKeyBytes)
				name = name[:maxKeyBytes]
			}
			parts = append(parts, part{name, at})
		}
	}
	if len(parts) > maxDepth {
		p.problems.add(parts[maxDepth].pos, "", "", "the key has more than %d parts", maxDepth)
		parts = parts[:maxDepth]
	}
	return parts
}

// openTable makes the table of a [header] or [[header]] the current one. After
// a problem the table is read aside, so that its own problems are seen.
func (p *parser) openTable(parts []part, array bool) {
	aside := newTable(parts[len(parts)-1].pos)
	t := p.root
	for i, part := range parts[:len(parts)-1] {
		next := t.children[part.name]
		switch {
		case next == nil:
			next = newTable(part.pos)
			t.set(part.name, next)
		case next.kind == arrayNode && !next.closed && len(next.items) > 0:
			next = next.items[len(next.items)-1]
		}
		if next.kind != tableNode || next.closed {
			p.clash(part.pos, joinKey(parts[:i+1]), next, "is not a table that can be added to")
			p.current = aside
			return
		}
		t = next
	}
	last := parts[len(parts)-1]
	have := t.children[last.name]
	switch {
	case array && have == nil:
		list := &node{kind: arrayNode, pos: last.pos, key: last.pos, items: []*node{aside}}
		t.set(last.name, list)
		p.current = aside
	case array && have.kind == arrayNode && !have.closed:
		p.add(have, aside)
		p.current = aside
	case array:
		p.clash(last.pos, joinKey(parts), have, "cannot be a list of tables too")
		p.current = aside
	case have == nil:
		aside.header = true
		t.set(last.name, aside)
		p.current = aside
	case have.kind == tableNode && !have.header && !have.dotted && !have.closed:
		have.header, have.pos, have.key = true, last.pos, last.pos
		p.current = have
	default:
		p.clash(last.pos, joinKey(parts), have, "is defined twice")
		p.current = aside
	}
}

// add appends an element to a list, as long as there is room.
func (p *parser) add(list, item *node) {
	switch n := len(list.items); {
	case n < maxItems:
		list.items = append(list.items, item)
	case !list.full:
		list.full = true
		p.problems.add(item.pos, "", "", "a list has at most %d elements; this is one more", maxItems)
	}
}

// keyValue enters key = value below t.
func (p *parser) keyValue(t *node, e *unstable.Node, depth int) {
	parts := p.key(e.Key())
	last := parts[len(parts)-1]
	value := p.value(e.Value(), p.afterEquals(last.pos.end-p.shift), depth)
	value.key = last.pos
	for i, part := range parts[:len(parts)-1] {
		next := t.children[part.name]
		if next == nil {
			next = newTable(part.pos)
			next.dotted = true
			t.set(part.name, next)
		}
		if next.kind != tableNode || next.closed || next.header {
			p.clash(part.pos, joinKey(parts[:i+1]), next, "is not a table that can be added to")
			return
		}
		next.dotted = true
		t = next
	}
	if have := t.children[last.name]; have != nil {
		p.clash(last.pos, joinKey(parts), have, "is defined twice")
		return
	}
	t.set(last.name, value)
}

func (p *parser) clash(at pos, key string, have *node, what string) {
	p.problems.add(at, "", "", "%q %s: see %s", key, what, have.place())
}

// afterEquals returns where the value starts that follows a key: arrays carry
// no position of their own.
func (p *parser) afterEquals(offset int) int {
	rest := p.text[offset:]
	trimmed := strings.TrimLeft(rest, " \t")
	trimmed = strings.TrimLeft(strings.TrimPrefix(trimmed, "="), " \t")
	return offset + len(rest) - len(trimmed)
}

// value converts one value. at is where it starts, for those whose node has no
// position.
func (p *parser) value(n *unstable.Node, at, depth int) *node {
	v := &node{pos: p.at(at, at+1)}
	if n.Kind != unstable.Array && n.Kind != unstable.InlineTable {
		v.pos = p.raw(n.Raw)
		v.text = p.src.text[v.pos.start:v.pos.end]
	}
	if depth > maxDepth {
		p.problems.add(v.pos, "", "", "values are nested more than %d deep", maxDepth)
		return v
	}
	switch n.Kind {
	case unstable.String:
		if len(n.Data) > maxStringBytes {
			p.problems.add(v.pos, "", "", "the string has %d bytes; a value has at most %d", len(n.Data), maxStringBytes)
			return v
		}
		v.kind, v.str = stringNode, string(n.Data)
	case unstable.Bool:
		v.kind, v.bit = boolNode, string(n.Data) == "true"
	case unstable.Integer:
		num, err := strconv.ParseInt(strings.ReplaceAll(string(n.Data), "_", ""), 0, 64)
		if err != nil {
			p.problems.add(v.pos, "", "", "the integer does not fit into 64 bits")
			return v
		}
		v.kind, v.num = intNode, num
	case unstable.Float:
		var err error
		v.kind, v.flt = floatNode, math.NaN() // nan and inf, which no key accepts
		if text := strings.ReplaceAll(string(n.Data), "_", ""); strings.ContainsAny(text, "0123456789") {
			if v.flt, err = strconv.ParseFloat(text, 64); err != nil {
				p.problems.add(v.pos, "", "", "the number does not fit into 64 bits")
				v.kind = invalidNode
			}
		}
	case unstable.Array:
		v.kind, v.closed = arrayNode, true
		for it := n.Children(); it.Next() && !v.full; {
			p.add(v, p.value(it.Node(), at, depth+1))
		}
	case unstable.InlineTable:
		v.kind, v.pos = tableNode, p.raw(n.Raw)
		v.children = make(map[string]*node)
		for it := n.Children(); it.Next(); {
			p.keyValue(v, it.Node(), depth+1)
		}
		v.close()
	default:
		v.kind = dateNode
	}
	return v
}

// close marks a table and the dotted tables in it as complete.
func (n *node) close() {
	n.closed = true
	for _, child := range n.children {
		if child.kind == tableNode {
			child.close()
		}
	}
}

func joinKey(parts []part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return strings.Join(names, ".")
}

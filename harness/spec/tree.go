package spec

import "fmt"

// A nodeKind is the TOML type of a value.
type nodeKind int

const (
	invalidNode nodeKind = iota // a value whose problem is already reported
	stringNode
	intNode
	floatNode
	boolNode
	dateNode
	arrayNode
	tableNode
)

func (k nodeKind) String() string {
	return [...]string{"an invalid value", "a string", "an integer", "a float", "a boolean", "a date", "a list", "a table"}[k]
}

// A node is a TOML value with its place.
type node struct {
	kind nodeKind
	pos  pos // of the value; of a table, its header
	key  pos // of the key that holds it; zero for elements of arrays
	text string

	str   string
	num   int64
	flt   float64
	bit   bool
	items []*node // arrays, and arrays of tables

	names    []string // tables: keys in order
	children map[string]*node

	header bool // a table opened by [header]: may not be opened again
	dotted bool // a table made by a dotted key: may not be opened by a header
	closed bool // an inline table or a literal array: may not be added to
	full   bool // a list that had more elements than it may hold
}

func newTable(at pos) *node {
	return &node{kind: tableNode, pos: at, key: at, children: make(map[string]*node)}
}

// place returns where to point at for the key as a whole.
func (n *node) place() pos {
	if n.key.isZero() {
		return n.pos
	}
	return n.key
}

// get returns the child of a table, or nil.
func (n *node) get(name string) *node {
	if n == nil || n.kind != tableNode {
		return nil
	}
	return n.children[name]
}

// set adds or replaces a child; order is that of first appearance.
func (n *node) set(name string, child *node) {
	if _, ok := n.children[name]; !ok {
		n.names = append(n.names, name)
	}
	n.children[name] = child
}

func (n *node) remove(name string) {
	if _, ok := n.children[name]; !ok {
		return
	}
	delete(n.children, name)
	for i, have := range n.names {
		if have == name {
			n.names = append(n.names[:i:i], n.names[i+1:]...)
			return
		}
	}
}

// unset reports whether the value is the marker that deletes a key.
func (n *node) unset() bool { return n.kind == stringNode && n.str == "!unset" }

// describe names the value in a message: "rank = 16".
func (n *node) describe() string {
	if n.text != "" && len(n.text) <= 40 {
		return fmt.Sprintf("%s (%s)", n.text, n.kind)
	}
	return n.kind.String()
}

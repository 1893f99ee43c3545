package spec

import (
	"slices"
	"strings"
)

// merge returns base patched by over: later wins, tables merge key by key,
// everything else (lists, lists of tables) is replaced, and "!unset" deletes a
// key. Neither argument is changed. In a method's table, a protocol key that is
// unset without having been set there stays marked: it takes the key away from
// the runs of that method.
func merge(base, over *node, problems *collector) *node {
	return mergeAt(nil, base, over, func(path []string, n *node) (keep bool) {
		if patchesProtocol(path[:len(path)-1]) {
			return true
		}
		problems.add(n.pos, "", "", "there is no %s to delete", strings.Join(path, "."))
		return false
	})
}

// overlay puts over on base and keeps every "!unset" for a later merge.
func overlay(base, over *node) *node { return mergeAt(nil, base, over, nil) }

// mergeAt merges the tables at path. dangling decides about an "!unset" of a key
// that base lacks; without it every "!unset" stays.
func mergeAt(path []string, base, over *node, dangling func([]string, *node) bool) *node {
	out := newTable(over.pos)
	out.key, out.header, out.closed = over.key, over.header, over.closed
	if len(path) > 0 && base != nil && !over.header {
		out.pos, out.key = base.pos, base.key // dotted keys add to the table that is there
	}
	if base != nil {
		for _, name := range base.names {
			out.set(name, base.children[name])
		}
	}
	for _, name := range over.names {
		child, have := over.children[name], out.children[name]
		at := append(slices.Clone(path), name)
		switch {
		case dangling != nil && child.unset() && have != nil:
			out.remove(name)
		case dangling != nil && child.unset() && !dangling(at, child):
		case child.kind == tableNode && (have == nil || have.kind == tableNode):
			out.set(name, mergeAt(at, have, child, dangling))
		default:
			out.set(name, child)
		}
	}
	return out
}

// patchesProtocol reports whether path is method.NAME.SECTION.
func patchesProtocol(path []string) bool {
	return len(path) == 3 && path[0] == "method" && slices.Contains(protocolSections(), path[2])
}

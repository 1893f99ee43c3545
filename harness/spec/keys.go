package spec

import (
	"slices"
	"strings"
)

// A scope is a table whose keys are keys of a run.
type scope struct {
	title   string   // "[method.galore]"
	section string   // the section of undotted keys
	patches bool     // dotted protocol keys are allowed too
	skip    []string // keys that mean something else
	known   []string // undotted keys to suggest
}

func sectionScope(section string) scope {
	return scope{title: "[" + section + "]", section: section, known: sectionKeys(section)}
}

// methodScope is the scope of a method's table or of what patches it. m, as far
// as it is known, narrows suggestions.
func methodScope(title string, m Method, skip ...string) scope {
	s := scope{title: title, section: "method", patches: true, skip: skip}
	for _, key := range sectionKeys("method") {
		name, _, _ := strings.Cut(key, ".")
		if ok, _ := m.has(name); ok {
			s.known = append(s.known, key)
		}
	}
	return s
}

// assignments lists what a table sets, in order. Unknown keys are problems;
// the key that was probably meant is then set to an invalid value, so that
// nothing else is said about it.
func (s scope) assignments(t *node, problems *collector) []assignment {
	var list []assignment
	s.walk(t, "", problems, func(key string, n *node) { list = append(list, assignment{key, n}) })
	return list
}

func (s scope) walk(t *node, prefix string, problems *collector, visit func(key string, n *node)) {
	for _, name := range t.names {
		child := t.children[name]
		if prefix == "" && slices.Contains(s.skip, name) {
			continue
		}
		path := prefix + name
		key := s.section + "." + path
		// Without a dot, init is a key of methods.
		if section, _, dotted := strings.Cut(path, "."); s.patches && dotted && slices.Contains(protocolSections(), section) {
			key = path
		}
		isGroup := key == "method.lr_groups" || s.patches && slices.Contains(protocolSections(), path)
		if child.kind == tableNode && isGroup {
			s.walk(child, path+".", problems, visit)
			continue
		}
		if _, _, ok := lookup(key); ok && key != "method.name" {
			visit(key, child)
			continue
		}
		if isGroup {
			problems.add(child.pos, "", "", "%s takes a table, not %s", path, child.describe())
			continue
		}
		if meant := s.unknown(key, path, child, problems); meant != "" {
			visit(meant, &node{kind: invalidNode, pos: child.pos, key: child.key})
		}
	}
}

// unknown reports a key and returns the one that was probably meant.
func (s scope) unknown(key, path string, n *node, problems *collector) (meant string) {
	if problems.full() {
		return ""
	}
	section, name := s.section, path
	known := s.known
	if key == path { // a protocol key
		section, name, _ = strings.Cut(path, ".")
		known = sectionKeys(section)
	}
	suggestion, candidate := didYouMeanKey(name, section, known)
	if candidate != "" {
		meant = section + "." + candidate
	}
	hint := ""
	switch {
	case suggestion == "" && path == "zip":
		hint = "lists that move together are written [[sweep.zip]], for all methods"
	case suggestion == "":
		hint = "keys: " + keyList(known)
	}
	problems.add(n.place(), suggestion, hint, "unknown key %q in %s", path, s.title)
	return meant
}

// keyList lists keys, those of one group once.
func keyList(keys []string) string {
	var names []string
	for _, key := range keys {
		name, _, _ := strings.Cut(key, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// rawMethod reads as much of a method as suggestions need.
func rawMethod(t *node) Method {
	var m Method
	text := func(name string) string {
		if n := t.get(name); n != nil && n.kind == stringNode {
			return n.str
		}
		return ""
	}
	m.Kind, m.Optimizer, m.Init, m.Reset, m.Moments = text("kind"), text("optimizer"), text("init"), text("reset"), text("moments")
	if m.Optimizer == "" {
		m.Optimizer = baseOptimizer(m.Kind)
	}
	if m.Reset == "" {
		m.Reset = "random"
	}
	return m
}

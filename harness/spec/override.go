package spec

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// parseOverrides reads -S options into one tree; a later option wins. root is
// the experiment: an option cannot add a method to it.
func parseOverrides(options []string, root *node, problems *collector) *node {
	lines := make([]string, len(options))
	for i, option := range options {
		lines[i] = strings.ReplaceAll(option, "\n", " ")
	}
	src := newSource("(-S)", strings.Join(lines, "\n"))
	src.order = maxFiles + 1 // after the files
	out := newTable(src.at(0, 0))
	offset := 0
	for _, line := range lines {
		if t := parseOverride(src, offset, line, problems); t != nil {
			out = overlay(out, t)
		}
		offset += len(line) + 1
	}
	methods := out.get("method")
	if methods == nil || methods.kind != tableNode {
		return out
	}
	for _, name := range slices.Clone(methods.names) {
		known := root.get("method")
		if known.get(name) != nil {
			continue
		}
		var names []string
		if known != nil {
			names = known.names
		}
		suggestion, _ := didYouMean(name, names)
		n := methods.children[name]
		problems.add(n.place(), suggestion, "the methods here are "+strings.Join(names, ", "), "there is no method %q", name)
		methods.remove(name)
	}
	return out
}

// parseOverride reads one option. Its value is TOML where it parses as such,
// and a string otherwise.
func parseOverride(src *source, offset int, option string, problems *collector) *node {
	at := src.at(offset, offset+len(option))
	if !utf8.ValidString(option) {
		problems.add(at, "", "", "the option is not valid UTF-8")
		return nil
	}
	key, value, ok := strings.Cut(option, "=")
	if !ok || strings.TrimSpace(key) == "" {
		problems.add(at, "", "", "-S takes key=value, as in -S train.steps=2000")
		return nil
	}
	if isAssignment(option) {
		return parseAt(src, offset, option, problems)
	}
	bare := strings.TrimSpace(value)
	if !isAssignment(key+"=0") || bare == "" || strings.ContainsAny(bare[:1], "[{\"'") {
		return parseAt(src, offset, option, problems) // to report the syntax
	}
	if len(bare) > maxStringBytes {
		problems.add(at, "", "", "the string has %d bytes; a value has at most %d", len(bare), maxStringBytes)
		return nil
	}
	t := parseAt(src, offset, key+"=0", problems)
	leaf := t
	for leaf.kind == tableNode {
		leaf = leaf.children[leaf.names[0]]
	}
	start := offset + len(key) + 1 + strings.Index(value, bare)
	leaf.kind, leaf.str, leaf.text, leaf.pos = stringNode, bare, bare, src.at(start, start+len(bare))
	return t
}

// isAssignment reports whether text is exactly one key = value of TOML.
func isAssignment(text string) bool {
	var p unstable.Parser
	p.Reset([]byte(text))
	one := p.NextExpression() && p.Expression().Kind == unstable.KeyValue
	return one && !p.NextExpression() && p.Error() == nil
}

package sentencepiece

import "slices"

// A trie maps byte strings to numbers ≥ 0. The children of a node are
// neighbours: node first[s]+k is the child of s by its k-th byte.
type trie struct {
	label []byte  // by which byte a node is reached
	first []int32 // the first child
	width []int16 // the number of children
	value []int32 // -1: no key ends here
	table []int32 // the row of a wide node in rows, or -1
	rows  [][256]int32
}

// wideNode is the number of children from which a node gets a row of 256
// entries instead of a scan.
const wideNode = 8

// An entry is a key, not empty, and its value.
type entry struct {
	key   string
	value int32
}

// newTrie builds a trie of distinct keys; it sorts entries.
func newTrie(entries []entry) *trie {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	t := &trie{}
	t.add(0)
	t.insert(0, entries, 0)
	return t
}

func (t *trie) add(label byte) {
	t.label = append(t.label, label)
	t.first = append(t.first, 0)
	t.width = append(t.width, 0)
	t.value = append(t.value, -1)
	t.table = append(t.table, -1)
}

// insert adds the children of a node, whose keys share their first depth bytes.
func (t *trie) insert(node int32, entries []entry, depth int) {
	if len(entries) > 0 && len(entries[0].key) == depth {
		t.value[node] = entries[0].value
		entries = entries[1:]
	}
	first := int32(len(t.label))
	var groups [][]entry
	for len(entries) > 0 {
		c, n := entries[0].key[depth], 1
		for n < len(entries) && entries[n].key[depth] == c {
			n++
		}
		t.add(c)
		groups = append(groups, entries[:n])
		entries = entries[n:]
	}
	t.first[node], t.width[node] = first, int16(len(groups))
	if len(groups) >= wideNode {
		var row [256]int32
		for c := range row {
			row[c] = -1
		}
		for i := range groups {
			row[t.label[first+int32(i)]] = first + int32(i)
		}
		t.table[node] = int32(len(t.rows))
		t.rows = append(t.rows, row)
	}
	for i, g := range groups {
		t.insert(first+int32(i), g, depth+1)
	}
}

// child returns the child of a node by a byte, or -1.
func (t *trie) child(node int32, c byte) int32 {
	if row := t.table[node]; row >= 0 {
		return t.rows[row][c]
	}
	first := t.first[node]
	for i, label := range t.label[first : first+int32(t.width[node])] {
		if label == c {
			return first + int32(i)
		}
	}
	return -1
}

// longest returns the length of the longest key that starts text, 0 if none.
func (t *trie) longest(text []byte) int {
	n := 0
	for i, node := 0, int32(0); i < len(text); i++ {
		if node = t.child(node, text[i]); node < 0 {
			break
		}
		if t.value[node] >= 0 {
			n = i + 1
		}
	}
	return n
}

package source

import (
	"bytes"
)

// stripLicence removes the licence header of a Go file: every comment group
// before the package clause that mentions a copyright or a licence. A group
// attached to the package clause is its documentation and goes only when it
// opens with a copyright line. Build constraints and other //go: lines stay.
// The result starts without blank lines.
func stripLicence(text []byte) []byte {
	rest := bytes.TrimPrefix(text, []byte("\ufeff"))
	var kept []byte
	for {
		rest = trimBlankLines(rest)
		n := commentGroup(rest)
		if n == 0 {
			break
		}
		group, after := rest[:n], rest[n:]
		attached := bytes.HasPrefix(after, []byte("package"))
		if !isLicence(group, attached) {
			if attached || len(after) == 0 {
				break // documentation: it stays with what follows
			}
			kept = append(append(kept, group...), '\n')
		} else if d := directives(group); len(d) > 0 {
			kept = append(append(kept, d...), '\n')
		}
		rest = after
	}
	if len(kept) == 0 {
		return rest
	}
	return append(kept, rest...)
}

// trimBlankLines removes leading lines of white space.
func trimBlankLines(text []byte) []byte {
	for {
		line, rest, found := bytes.Cut(text, []byte("\n"))
		if len(bytes.TrimSpace(line)) > 0 {
			return text
		}
		if !found {
			return nil
		}
		text = rest
	}
}

// commentGroup returns the length of the comment group at the start of text:
// consecutive lines of // comments, or one /* */ comment that ends its line.
func commentGroup(text []byte) int {
	if bytes.HasPrefix(text, []byte("/*")) {
		end := bytes.Index(text, []byte("*/"))
		if end < 0 {
			return 0
		}
		n := end + 2
		line, _, found := bytes.Cut(text[n:], []byte("\n"))
		if len(bytes.TrimSpace(line)) > 0 {
			return 0
		}
		n += len(line)
		if found {
			n++
		}
		return n
	}
	n := 0
	for n < len(text) {
		line, _, found := bytes.Cut(text[n:], []byte("\n"))
		if !bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("//")) {
			break
		}
		n += len(line)
		if found {
			n++
		}
	}
	return n
}

// isLicence reports whether a comment group is a licence header.
func isLicence(group []byte, attached bool) bool {
	group = bytes.ToLower(group)
	if attached {
		group = bytes.TrimLeft(group, "/* \t\r\n")
		group, _, _ = bytes.Cut(group, []byte("\n"))
		return bytes.HasPrefix(group, []byte("copyright")) || bytes.HasPrefix(group, []byte("spdx-"))
	}
	for _, word := range [...]string{"copyright", "license", "licence", "spdx-"} {
		if bytes.Contains(group, []byte(word)) {
			return true
		}
	}
	return false
}

// directives returns the lines of a comment group that the go command reads.
func directives(group []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(group) {
		if bytes.HasPrefix(line, []byte("//go:")) || bytes.HasPrefix(line, []byte("// +build")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

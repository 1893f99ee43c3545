// Package safename decides which names may become a part of a path: those of
// experiments, methods, figures and tables.
package safename

// longest keeps a name with its prefix and extension inside what file systems
// take.
const longest = 64

// Valid reports whether a name consists of at most 64 letters, digits, dots,
// hyphens and underscores of ASCII and starts with a letter or a digit. Such a
// name is one element of a path, not hidden, and never "." or "..".
func Valid(name string) bool {
	if name == "" || len(name) > longest {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return true
}

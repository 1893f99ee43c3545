package source

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
)

// skipPath returns why a .go file is left out by its slash-separated path
// inside the module, or "".
func skipPath(name string) string {
	dir, base := path.Split(name)
	for element := range strings.SplitSeq(dir, "/") {
		switch element {
		case "testdata":
			return Testdata
		case "vendor":
			return Vendor
		}
	}
	if strings.HasSuffix(base, "_test.go") {
		return Test
	}
	return ""
}

// cleanGo returns the text of a Go file without its licence header, or why
// the file is left out.
func cleanGo(text []byte) (cleaned []byte, reason string) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, Binary
	}
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		if len(bytes.TrimSpace(text)) == 0 {
			return nil, Empty
		}
		return nil, Unparsable
	}
	if ast.IsGenerated(file) {
		return nil, Generated
	}
	text = stripLicence(text)
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, Empty
	}
	return text, ""
}

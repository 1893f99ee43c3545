package view

import (
	"os"
	"strings"
	"testing"
)

// docs/figures.md lists the results that figures, tables and claims can name.
func TestColumnsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/figures.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Columns\n")
	if !found {
		t.Fatal("docs/figures.md has no section on columns")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range metrics() {
		if !strings.Contains(section, "`"+m.Name+"`") {
			t.Errorf("docs/figures.md does not list %s", m.Name)
		}
	}
}

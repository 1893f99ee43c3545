package stats

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

// The table of detectable differences in docs/statistics.md is what Detectable says.
func TestDocumentedDifferences(t *testing.T) {
	text, err := os.ReadFile("../../docs/statistics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 4 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		a, _ := strconv.Atoi(row[1])
		n, _ := strconv.Atoi(row[2])
		_, df := DesignOf(a, n)
		want := fmt.Sprintf("| %d | %d | %d | %.2g | %.2g |", a, n, df, Detectable(a, n, 1), Detectable(a, n, a-1))
		if row[0] != want {
			t.Errorf("%s, want %s", row[0], want)
		}
	}
}

package view

import (
	"math"
	"strings"
	"testing"

	"ranklab/harness/record"
)

// TestMachineNote: times of two kinds of machine are not left standing side by
// side without a word; other columns need none.
func TestMachineNote(t *testing.T) {
	of := func(model string, features ...string) string {
		return machineOf(&record.Provenance{CPU: record.CPU{Model: model, Features: features}})
	}
	a, b := Row{Label: "adamw", Machine: of("X", "avx2", "avx512f")}, Row{Label: "galore", Machine: of("X", "avx2")}
	seconds, ppl := []Column{Describe("ppl"), Describe("seconds")}, []Column{Describe("ppl"), Describe("lr")}
	for _, c := range []struct {
		columns []Column
		rows    []Row
		want    string
	}{
		{seconds, []Row{a, b}, "X (avx512f): adamw; X (avx2): galore"},
		{[]Column{Describe("tokens_per_second")}, []Row{b, a}, "X (avx2): galore; X (avx512f): adamw"},
		{seconds, []Row{a, a}, ""},
		{seconds, []Row{a, {Label: "old"}}, ""},
		{ppl, []Row{a, b}, ""},
	} {
		if got := machineNote(c.columns, c.rows); !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%q, want …%q", got, c.want)
		}
	}
	if machineOf(nil) != "" {
		t.Error("a run without provenance has a machine")
	}
}

// TestBusyNote: times that were measured beside other work say so.
func TestBusyNote(t *testing.T) {
	run := func(label string, percent float64) Row {
		return Row{Label: label, Results: map[string]float64{"waiting_percent": percent}}
	}
	seconds := []Column{Describe("seconds")}
	for _, c := range []struct {
		columns []Column
		rows    []Row
		want    string
	}{
		{seconds, []Row{run("a", 4.9), run("b", 31.2), run("c", 5), run("b", 7)}, "up to 31 %: b, c"},
		{seconds, []Row{run("a", 4.9), run("b", math.NaN()), {Label: "old"}}, ""},
		{[]Column{Describe("ppl")}, []Row{run("b", 31)}, ""},
	} {
		if got := busyNote(c.columns, c.rows); !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%q, want …%q", got, c.want)
		}
	}
}

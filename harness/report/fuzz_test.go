package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ranklab/harness/record"
)

// stored is what the files of a run's folder may hold.
type stored struct {
	Origins    []record.Origin
	Status     *record.Status
	Summary    *record.Summary
	Memory     *record.Memory
	Estimate   *record.Estimate
	Provenance *record.Provenance
}

// FuzzRun reports runs whose records hold arbitrary values: text steers no
// terminal, and JSON is JSON.
func FuzzRun(f *testing.F) {
	const good = `{"Origins":[{"experiment":"quick","variant":"galore","kind":"galore","label":"GaLore","axes":{"rank":32},"settings":{"lr":0.02,"targets":["attn"],"x":{"y":null}}}],` +
		`"Status":{"state":"running","step":3,"total":10,"heartbeat":"2024-05-01T10:00:00Z","reason":"a\nb"},` +
		`"Summary":{"state":"done","steps":10,"final":{"loss":3,"ppl":20,"targets":5,"step":10},"best":{"loss":null,"targets":1},"time":{"train_s":61.5},"tokens_per_second":1e9,"peak_bytes":5,"memory":{"weights":100}},` +
		`"Memory":{"predicted":{"weights":100},"registered":{"weights":9223372036854775807,"scratch":5},"steady_bytes":1,"measured":{"measure":"VmHWM"}},` +
		`"Estimate":{"how":"rough","time":{"train_s":1},"total_s":-1,"memory_bytes":-5},"Provenance":{"revision":"abc","host":"h","attempts":[{},{"attempt":2}]}}`
	f.Add([]byte(good))
	f.Add([]byte("{}"))
	f.Add([]byte(strings.Replace(good, "GaLore", `\u001b[2J\u0007\u202e|\u009b`, 1)))
	f.Add([]byte(strings.ReplaceAll(good, "galore", `\u001b]0;x\u0007`)))
	f.Add([]byte(strings.NewReplacer(`"abc"`, `"\u001b[31m"`, `"rough"`, `"\r\n"`, `"VmHWM"`, `"\t\b"`, `"attn"`, `"\u0000"`).Replace(good)))
	f.Add([]byte(strings.NewReplacer("61.5", "1e308", "1e9", "-1e308", `"step":3`, `"step":-9223372036854775808`, `"ppl":20`, `"ppl":5e-324`).Replace(good)))
	f.Add([]byte(strings.Replace(good, `"done"`, `"diverged","reason":"\u001b[1m"`, 1)))
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		var s stored
		if json.Unmarshal(data, &s) != nil {
			return
		}
		r := record.Run{
			ID: "4f2c9a01b7de", Dir: "results/runs/4f2c9a01b7de", Origins: s.Origins, Status: s.Status, Summary: s.Summary,
			Memory: s.Memory, Estimate: s.Estimate, Provenance: s.Provenance,
		}
		other := r
		other.ID = "5f2c9a01b7de"
		runs := []record.Run{r, other}
		sweep := record.Sweep{Experiment: "quick", Runs: []record.SweepRun{{ID: r.ID, Label: r.State()}, {ID: "6f2c9a01b7de"}}}
		for _, format := range []string{Text, Markdown, JSON} {
			for name, write := range map[string]func(*bytes.Buffer) error{
				"run":       func(b *bytes.Buffer) error { return WriteRun(b, r, format) },
				"status":    func(b *bytes.Buffer) error { return WriteStatus(b, runs, nil, now, format) },
				"sweep":     func(b *bytes.Buffer) error { return WriteStatus(b, runs, &sweep, now, format) },
				"compare":   func(b *bytes.Buffer) error { return WriteComparison(b, runs, format) },
				"unplanned": func(b *bytes.Buffer) error { return WriteStatus(b, nil, &sweep, now, format) },
			} {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					continue // no result to compare, or no such format
				}
				text := b.String()
				if format == JSON {
					if !json.Valid(b.Bytes()) {
						t.Fatalf("%s: no JSON: %s", name, text)
					}
					continue
				}
				if i := strings.IndexFunc(text, steers); i >= 0 || !utf8.ValidString(text) {
					t.Fatalf("%s, %s: %q", name, format, text[max(i, 0):])
				}
			}
		}
	})
}

func steers(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf) }

func TestTextSteersNoTerminal(t *testing.T) {
	const evil = "\x1b[2J\u202e\a"
	r := record.Run{
		ID: "4f2c9a01b7de", Origins: []record.Origin{{Experiment: evil, Label: evil, Variant: evil, Settings: map[string]any{evil: evil}}},
		Status: &record.Status{State: record.Failed, Reason: "first\n" + evil}, Provenance: &record.Provenance{Revision: evil}, Estimate: &record.Estimate{How: evil},
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"run":    func(b *bytes.Buffer) error { return WriteRun(b, r, Text) },
		"status": func(b *bytes.Buffer) error { return WriteStatus(b, []record.Run{r}, nil, time.Now(), Text) },
	} {
		var b bytes.Buffer
		must(t, write(&b))
		if strings.ContainsFunc(b.String(), steers) || !strings.Contains(b.String(), "·[2J··") {
			t.Errorf("%s: %q", name, b.String())
		}
	}
	var b bytes.Buffer
	must(t, WriteRun(&b, r, Text))
	if !strings.Contains(b.String(), "first; ·[2J") {
		t.Errorf("a reason of two lines: %q", b.String())
	}
}

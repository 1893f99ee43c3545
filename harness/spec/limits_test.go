package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ranklab/internal/bounded"
)

// list writes a TOML list of n elements.
func list(n int, element string) string {
	return "[" + strings.Repeat(element+",", n) + "]"
}

// Experiments that would take minutes or gigabytes are refused, in few words.
func TestLimits(t *testing.T) {
	methods := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "[method.m%d]\nkind='adamw'\nlr=1\n", i)
		}
		return b.String()
	}
	axis := "[sweep]\nweight_decay=["
	for i := range maxRuns - 1 {
		axis += fmt.Sprintf("%d,", i)
	}
	axis += "]\n"
	for name, c := range map[string]struct{ text, want string }{
		"methods":             {methods(maxMethods + 1), "at most 256 methods"},
		"methods times axis":  {axis + methods(40), "more than 10000 runs"},
		"cases":               {methods(1) + strings.Repeat("[[case]]\nmethod='m0'\n", maxItems+1), "at most 10000 elements"},
		"elements":            {methods(1) + "[sweep]\nlr=" + list(maxItems+1, "1"), "at most 10000 elements"},
		"long key":            {methods(1) + strings.Repeat("k", maxKeyBytes+1) + "=1", "longer than 256 bytes"},
		"long string":         {methods(1) + "decay='" + strings.Repeat("x", maxStringBytes+1) + "'", "a value has at most 4096"},
		"long bare string":    {methods(1), "a value has at most 4096"},
		"unknown columns":     {methods(1) + "[[table]]\nid='t'\nrows=" + list(maxItems, "'rnak'") + "\n[[figure]]\nid='f'\nkind='line'\nx='lr'\ny='ppl'\ngroup=" + list(maxItems, "'x'"), `there is no column "rnak"`},
		"unknown keys":        {methods(1) + strings.Repeat("x=1\n", 3) + unknownKeys(50_000), "unknown key"},
		"shared axis nowhere": {methods(maxMethods) + "[sweep]\nrank=[1,2]\nscale=[1,2]\nmerge_every=[1,2]\n", "applies to no method"},
		"nested":              {"x=" + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "nested more than 32 deep"},
		"unclosed":            {"x=" + strings.Repeat("[", 500_000), "TOML syntax"},
		"control in label":    {methods(1) + "[[case]]\nmethod='m0'\nlabel=\"\\u001b[2J\"\n", "label holds a control character"},
		"control in title":    {"title=\"a\\u0007\"\n" + methods(1), "title holds a control character"},
		"positions":           {methods(1) + "train.total_batch_size=100000\ntrain.max_length=100000\ntrain.steps=1\ntrain.warmup_steps=0", "an update would read 1e+10 positions"},
	} {
		t.Run(name, func(t *testing.T) {
			var overrides []string
			if name == "long bare string" {
				overrides = []string{"data.tokenizer_model=" + strings.Repeat("x", maxStringBytes+1)}
			}
			_, err := loadText(t, c.text, overrides)
			var problems *Problems
			if !errors.As(err, &problems) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%.300v, want %q", err, c.want)
			}
			if text := err.Error(); len(problems.List) > maxKept || len(text) > 1<<20 {
				t.Errorf("%d problems in %d bytes", len(problems.List), len(text))
			}
		})
	}
}

func unknownKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "warmup%d=1\n", i)
	}
	return b.String()
}

func TestLargeFileIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.toml")
	if err := os.WriteFile(path, make([]byte, maxFileBytes+1), 0o644); err != nil {
		t.Fatal(err)
	}
	var large *bounded.TooLargeError
	if _, err := (files{}).read(path); !errors.As(err, &large) {
		t.Errorf("read: %v", err)
	}
	for name, err := range map[string]error{"Load": loadError(path), "LoadRun": runError(path)} {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func loadError(path string) error { _, err := Load(path, nil); return err }
func runError(path string) error  { _, err := LoadRun(path); return err }

func TestOverridesAreText(t *testing.T) {
	if _, err := loadText(t, twoMethods, []string{"data.tokenizer_model=\xff"}); err == nil || !strings.Contains(err.Error(), "not valid UTF-8") {
		t.Errorf("error %v", err)
	}
}

package sentencepiece

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"
)

var goldenPath = flag.String("golden", "testdata/t5_ids.json", "ids written by interop/check_sentencepiece.py")

// goldenCase is a text with its ids, written as [text in base64, ids].
type goldenCase struct {
	text []byte
	ids  []int32
}

func (c *goldenCase) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&c.text, &c.ids})
}

// TestGolden compares with the sentencepiece package, on the model that the
// golden file was made with.
func TestGolden(t *testing.T) {
	path := os.Getenv("RANKLAB_SENTENCEPIECE_MODEL")
	if path == "" {
		t.Skip("RANKLAB_SENTENCEPIECE_MODEL does not point at the 32,101-piece T5 model")
	}
	data, err := os.ReadFile(*goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Model string `json:"model_sha256"`
		Cases []goldenCase
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.Digest() != golden.Model {
		t.Skipf("%s is another model than that of %s", path, *goldenPath)
	}
	if m.VocabSize() != 32000 || m.EOS() != 1 || m.Pad() != 0 {
		t.Errorf("%d ids, eos %d, pad %d; T5 has 32000, 1, 0", m.VocabSize(), m.EOS(), m.Pad())
	}
	if len(golden.Cases) < 1000 {
		t.Errorf("only %d cases", len(golden.Cases))
	}
	mismatches := 0
	for _, c := range golden.Cases {
		for i, id := range c.ids {
			if id == insertedPiece {
				t.Fatalf("%q contains the inserted piece", c.text)
			}
			if id > insertedPiece {
				c.ids[i]--
			}
		}
		if got := m.Encode(nil, c.text); !slices.Equal(got, c.ids) {
			if mismatches++; mismatches <= 5 {
				t.Errorf("%q: %v, want %v", c.text, got, c.ids)
			}
		}
	}
	if mismatches > 0 {
		t.Errorf("%d of %d texts differ", mismatches, len(golden.Cases))
	}
	if got := string(m.Decode(m.Encode(nil, []byte("  The  café\tis\nopen. ")))); got != "The café is open." {
		t.Errorf("decoded as %q", got)
	}
}

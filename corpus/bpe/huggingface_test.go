package bpe

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestClasses: the brackets of the regular expressions hold the characters of
// each class, over all of Unicode.
func TestClasses(t *testing.T) {
	for kind, brackets := range map[class]string{letter: letterClass, digit: digitClass, space: spaceClass, punct: punctClass} {
		in := regexp.MustCompile("^[" + brackets + "]$")
		for r := rune(0); r <= utf8.MaxRune; r++ {
			if !utf8.ValidRune(r) {
				continue
			}
			text := string(r)
			if got, _ := classify([]byte(text)); (got == kind) != in.MatchString(text) {
				t.Fatalf("%U is of class %d; in the brackets of %d: %v", r, got, kind, in.MatchString(text))
			}
		}
	}
}

// hfTokenizer computes what tokenizers does with the parts of a tokenizer.json
// that we write.
type hfTokenizer struct {
	Added []struct {
		ID      int
		Content string
		Special bool
	} `json:"added_tokens"`
	PreTokenizer struct {
		Pretokenizers []struct {
			Type     string
			Pattern  struct{ Regex string }
			UseRegex *bool `json:"use_regex"`
		}
	} `json:"pre_tokenizer"`
	Model struct {
		Type   string
		Vocab  map[string]int
		Merges []string
	}
}

func (h hfTokenizer) encode(text string) (ids []int32) {
	ranks := map[string]int{}
	for i, m := range h.Model.Merges {
		ranks[m] = i
	}
	names := byteNames()
	for _, run := range runs(text) {
		var s []string
		for _, b := range []byte(run) {
			s = append(s, names[b])
		}
		for len(s) > 0 {
			piece := s[:bound(s)]
			s = s[len(piece):]
			piece = slices.Clone(piece)
			for {
				best, at := len(ranks), -1
				for i := range len(piece) - 1 {
					if rank, ok := ranks[piece[i]+" "+piece[i+1]]; ok && rank < best {
						best, at = rank, i
					}
				}
				if at < 0 {
					break
				}
				piece[at] += piece[at+1]
				piece = slices.Delete(piece, at+1, at+2)
			}
			for _, token := range piece {
				ids = append(ids, int32(h.Model.Vocab[token]))
			}
		}
	}
	return ids
}

// runs applies runPattern. Package regexp knows no lookahead: the branch that has
// one is tried by hand, as a backtracking engine would.
func runs(text string) (list []string) {
	branches := strings.SplitN(runPattern, "|["+spaceClass+"]+(?=", 2)
	first := regexp.MustCompile("^(?:" + branches[0] + ")")
	white := regexp.MustCompile("^[" + spaceClass + "]+")
	next := regexp.MustCompile("^ [^" + spaceClass + "]")
	for len(text) > 0 {
		n := len(first.FindString(text))
		if n == 0 {
			all := len(white.FindString(text))
			for n = all; n > 0 && !next.MatchString(text[n:]); n-- {
			}
			if n == 0 {
				n = all
			}
		}
		list = append(list, text[:n])
		text = text[n:]
	}
	return list
}

// bound applies boundPattern.
func bound(s []string) int {
	follows := regexp.MustCompile("[" + continuation + "]")
	for n := min(maxChunk, len(s)); ; n-- {
		if n == len(s) || !follows.MatchString(s[n]) {
			return n
		}
	}
}

// TestHuggingFace: the file describes the tokenizer. The patterns themselves are
// run by the library, see interop/check_hf.py.
func TestHuggingFace(t *testing.T) {
	counts := NewCounts()
	texts := []string{
		"func (t *T) Add(x int) {\n\t\treturn x+1234\n}\n// Ça va “bien”, 日本語。\n    if err != nil {\n        return nil, err\n    }\n",
		strings.Repeat("abcabd aab bcabab ", 40), strings.Repeat("語日本é😀", 50), "\x00\x7f\r\n\v\f ½ … ！ \u3000\u00a0\u2028",
	}
	for range 3 {
		for _, text := range texts {
			counts.Add([]byte(text))
		}
	}
	tok, err := Train(counts, MinVocab, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	text, err := tok.HuggingFace()
	if err != nil {
		t.Fatal(err)
	}
	var h hfTokenizer
	if err := json.Unmarshal(text, &h); err != nil {
		t.Fatal(err)
	}
	if len(h.Model.Vocab) != tok.Used() || len(h.Model.Merges) != tok.Used()-firstID || len(h.Added) != 2 || h.Added[1].ID != EOS || !h.Added[1].Special {
		t.Fatalf("%d tokens, %d merges, added %v", len(h.Model.Vocab), len(h.Model.Merges), h.Added)
	}
	steps := h.PreTokenizer.Pretokenizers
	if len(steps) != 3 || steps[0].Pattern.Regex != runPattern || steps[1].UseRegex == nil || *steps[1].UseRegex || steps[2].Pattern.Regex != boundPattern {
		t.Fatalf("pre-tokenizers %+v", steps)
	}
	long := []string{strings.Repeat("x", 200), strings.Repeat("é", 100), " " + strings.Repeat("語", 100), strings.Repeat(" ", 65) + "x", strings.Repeat(" ", 64) + "x", strings.Repeat("\n", 130)}
	for _, text := range append(texts, long...) {
		if got, want := h.encode(text), tok.Encode(nil, []byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: ids %v, want %v", text, got, want)
		}
	}
	// Strings that are long and full of borders between classes.
	parts := append([]string{" ", "  ", "\t", "\n", " \n", "a", "Zz_", "é", "語", "😀", "7", "1234", "!", "()", "“", "。", "\u00a0", "\u3000", "\x00"}, strings.Fields(texts[1])[:3]...)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, p := range rapid.SliceOfN(rapid.SampledFrom(parts), 0, 30).Draw(t, "parts") {
			b.WriteString(strings.Repeat(p, rapid.SampledFrom([]int{1, 1, 1, 2, 3, 31, 64, 65}).Draw(t, "times")))
		}
		if got, want := h.encode(b.String()), tok.Encode(nil, []byte(b.String())); !slices.Equal(got, want) {
			t.Fatalf("ids %v, want %v", got, want)
		}
	})
}

// TestByteNames: 256 characters, and continuation bytes are where the bound
// looks for them.
func TestByteNames(t *testing.T) {
	names := byteNames()
	in := regexp.MustCompile("^[" + continuation + "]$")
	seen := map[string]bool{}
	for b, name := range names {
		if seen[name] || utf8.RuneCountInString(name) != 1 {
			t.Errorf("byte %#x is %q", b, name)
		}
		seen[name] = true
		if in.MatchString(name) != (b >= 0x80 && b <= 0xbf) {
			t.Errorf("byte %#x is %q; a continuation: %v", b, name, in.MatchString(name))
		}
	}
	if names[' '] != "Ġ" || names['\n'] != "Ċ" || names[0] != "Ā" || names[0xad] != "Ń" {
		t.Errorf("other names than GPT-2's: %q %q %q %q", names[' '], names['\n'], names[0], names[0xad])
	}
}

// TestTwins: what cannot be written is refused.
func TestTwins(t *testing.T) {
	a, b, c := int32(firstByte+'a'), int32(firstByte+'b'), int32(firstByte+'c')
	tok, err := New(MinVocab, []Merge{{a, b}, {b, c}, {firstID, c}, {a, firstID + 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.HuggingFace(); err == nil || !strings.Contains(err.Error(), "260 and 261") {
		t.Errorf("two ids for abc: %v", err)
	}
}

package sentencepiece

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"ranklab/corpus/sentencepiece/sptest"
)

// alphabet covers what the small model knows, rewrites, and does not know.
var alphabet = rapid.SampledFrom([]string{
	"a", "b", "ab", "aba", "語", " ", "  ", "\t", "\u3000", "\u200b", "Ａ", "A", "½", "e", "é", "e\u0301", "…", "ﷺ", "[X]", "[", "x", "😀", "▁", "\xff", "\xe8\xaa", "/", "\x00",
})

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(alphabet, 0, 12).Draw(t, "text"), "")
}

// slowNormalize follows the definition with strings and maps.
func slowNormalize(s spec, text string) string {
	var out strings.Builder
	for len(text) > 0 {
		if strings.HasPrefix(text, "[X]") {
			out.WriteString("[X]")
			text = text[3:]
			continue
		}
		best, found := "", false
		for key := range s.rules {
			if strings.HasPrefix(text, key) && len(key) > len(best) {
				best, found = key, true
			}
		}
		if found {
			out.WriteString(s.rules[best])
			text = text[len(best):]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		out.WriteRune(r)
		text = text[n:]
	}
	result := out.String()
	if text == "" && result == "" {
		return "" // see below
	}
	if !s.keep {
		words := strings.FieldsFunc(result, func(r rune) bool { return r == ' ' })
		result = strings.Join(words, " ")
	}
	if !s.noPrefix && (result != "" || s.keep) {
		result = " " + result
	}
	if !s.noEscape {
		result = strings.ReplaceAll(result, " ", "▁")
	}
	return result
}

func TestNormalize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := small()
		s.keep, s.noPrefix, s.noEscape = rapid.Bool().Draw(t, "keep"), rapid.Bool().Draw(t, "noPrefix"), rapid.Bool().Draw(t, "noEscape")
		m, err := Parse(s.serialise())
		if err != nil {
			t.Fatal(err)
		}
		text := drawText(t)
		if !s.keep && strings.ContainsAny(text, "▁ﷺ") {
			return // a ▁ of the text counts as a space only at the end; for ﷺ see the cases below
		}
		got, want := string(m.normalize([]byte("before"), []byte(text))), "before"+slowNormalize(s, text)
		if s.keep && !s.noPrefix && text != "" && want == "before" {
			return // nothing is left of the text but the dummy prefix
		}
		if got != want {
			t.Fatalf("normalize(%q) = %q, want %q (%+v)", text, got, want, [3]bool{s.keep, s.noPrefix, s.noEscape})
		}
	})
}

func TestNormalizeCases(t *testing.T) {
	m := mustParse(t, small())
	for in, want := range map[string]string{
		"": "", " ": "", "\u200b": "", " \t\u200b ": "",
		"a": "▁a", " a  b ": "▁a▁b", "½": "▁1/2", "Ａ\u3000A": "▁a▁a", "e\u0301": "▁é",
		"a…a": "▁aa▁ba", "aﷺ b": "▁a▁▁b", // spaces of one replacement are kept
		"a\xffb": "▁a\ufffdb", "a▁": "▁a", "[X] A": "▁[X]▁a",
	} {
		if got := string(m.normalize(nil, []byte(in))); got != want {
			t.Errorf("normalize(%q) = %q, want %q", in, got, want)
		}
	}
}

// bestScore is the score of the best segmentation, by trying all.
func bestScore(m *Model, text string) float64 {
	memo := map[int]float64{len(text): 0}
	for i := len(text) - 1; i >= 0; i-- {
		best := math.Inf(-1)
		if !utf8.RuneStart(text[i]) {
			memo[i] = best
			continue
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		single := false
		for _, x := range m.pieces {
			if x.kind != normal && x.kind != userDefined || !strings.HasPrefix(text[i:], x.text) {
				continue
			}
			score := float64(x.score)
			if x.kind == userDefined {
				score = 0.1 * float64(len(x.text)-1)
			}
			best = max(best, score+memo[i+len(x.text)])
			single = single || len(x.text) == n
		}
		if !single {
			best = max(best, float64(m.minScore)-unknownPenalty+memo[i+n])
		}
		memo[i] = best
	}
	return memo[0]
}

func TestSegmentationIsBest(t *testing.T) {
	m := mustParse(t, small())
	rapid.Check(t, func(t *rapid.T) {
		s := &scratch{text: m.normalize(nil, []byte(drawText(t)))}
		ids := slices.Clone(m.segment(s))
		slices.Reverse(ids)
		score, joined := 0.0, ""
		rest := string(s.text)
		for _, id := range ids {
			x := m.pieces[id]
			switch x.kind {
			case unknown:
				_, n := utf8.DecodeRuneInString(rest)
				score += float64(m.minScore) - unknownPenalty
				joined, rest = joined+rest[:n], rest[n:]
			case normal, userDefined:
				if x.kind == userDefined {
					score += 0.1 * float64(len(x.text)-1)
				} else {
					score += float64(x.score)
				}
				if !strings.HasPrefix(rest, x.text) {
					t.Fatalf("piece %q at %q", x.text, rest)
				}
				joined, rest = joined+x.text, rest[len(x.text):]
			default:
				t.Fatalf("piece %q, which cannot occur in text", x.text)
			}
		}
		if rest != "" || joined != string(s.text) {
			t.Fatalf("the pieces of %q are %q", s.text, joined)
		}
		if want := bestScore(m, string(s.text)); math.Abs(score-want) > 1e-4 {
			t.Fatalf("%q is cut with score %v, the best is %v", s.text, score, want)
		}
	})
}

func TestEncode(t *testing.T) {
	m := mustParse(t, small())
	for in, want := range map[string][]string{
		"":         {},
		"ab":       {"▁", "ab"},
		"a":        {"▁a"},
		"aba b":    {"▁", "ab", "a", "▁", "b"},
		"xyz":      {"▁", "<unk>"},               // a run of unknown characters is one token
		"xaxx":     {"▁", "<unk>", "a", "<unk>"}, //
		"😀\xff b":  {"▁", "<unk>", "▁", "b"},     //
		"[X]x[X]":  {"▁", "[X]", "<unk>", "[X]"}, //
		"<s></s>":  {"▁", "<unk>", "/", "<unk>"}, // names of control pieces are text
		"bb":       {"▁", "b", "b"},              // an unused piece is not used
		"½語":       {"▁", "1/2", "語"},            //
		"語 語":      {"▁語", "▁語"},                 //
		"abab":     {"▁", "ab", "ab"},            //
		"\u200b":   {},                           //
		"a\x00a":   {"▁a", "<unk>", "a"},         //
		"[X":       {"▁", "<unk>"},               //
		"ééé":      {"▁", "é", "é", "é"},         //
		"b…b":      {"▁", "ba", "▁", "b", "b"},   //
		"a  \t[X]": {"▁a", "▁", "[X]"},           //
	} {
		var got []string
		for _, id := range m.Encode(nil, []byte(in)) {
			got = append(got, m.pieces[id].text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is cut into %q, want %q", in, got, want)
		}
	}
	if got := m.Encode([]int32{9}, []byte("a")); !slices.Equal(got, []int32{9, 8}) {
		t.Errorf("Encode does not append: %v", got)
	}
}

func TestDecode(t *testing.T) {
	m := mustParse(t, small())
	for in, want := range map[string]string{"ab  a": "ab a", "½ 語": "1/2 語", "": "", " x ": " ⁇ ", "axa": "a ⁇ a"} {
		ids := append(m.Encode(nil, []byte(in)), m.EOS(), m.Pad(), -1, 99)
		if got := string(m.Decode(ids)); got != want {
			t.Errorf("%q comes back as %q, want %q", in, got, want)
		}
	}
}

func TestTokenBytes(t *testing.T) {
	m := mustParse(t, small())
	for text, want := range map[string]int{"▁": 1, "a": 1, "▁a": 2, "▁語": 4, "<unk>": 1, "</s>": 0, "<pad>": 0, "<s>": 0, "[X]": 3} {
		id := slices.IndexFunc(m.pieces, func(p piece) bool { return p.text == text })
		if got := m.TokenBytes(int32(id)); got != want {
			t.Errorf("%q stands for %d bytes, want %d", text, got, want)
		}
	}
	if m.TokenBytes(-1) != 0 || m.TokenBytes(1000) != 0 {
		t.Error("an id without a piece has bytes")
	}
}

// t5 has the start and the end of the 32,101-piece file.
func t5() spec {
	return spec{pieces: []piece{
		{"<pad>", 0, control}, {"</s>", 0, control}, {"<s>", 0, control}, {"<unk>", 0, unknown},
		{"▁", -2, normal}, {"X", -2.5, normal}, {"▁X", -3, normal},
		{"▁<extra_id_1>", 0, userDefined}, {"▁<extra_id_0>", 0, userDefined},
	}}
}

func TestT5Numbering(t *testing.T) {
	m := mustParse(t, t5())
	if m.VocabSize() != 6 || m.EOS() != 1 || m.Pad() != 0 || m.Name() != "sentencepiece-6" {
		t.Errorf("%s: %d ids, eos %d, pad %d", m.Name(), m.VocabSize(), m.EOS(), m.Pad())
	}
	if got, want := m.Encode(nil, []byte("XX q")), []int32{5, 4, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("ids %v, want %v", got, want)
	}
	if got := string(m.Decode([]int32{5, 4, 3, 5, 1, 0})); got != "XX  X" {
		t.Errorf("decoded as %q", got)
	}
	if got := m.TokenBytes(5); got != 2 {
		t.Errorf("▁X stands for %d bytes", got)
	}
	if slices.Max(m.Encode(nil, []byte("a <extra_id_0> ▁<extra_id_1>"))) >= 6 {
		t.Error("a sentinel was used")
	}

	// One difference at the start, and the numbers of the file are kept.
	s := t5()
	s.pieces[2].text = "<bos>"
	m = mustParse(t, s)
	if got, want := m.Encode(nil, []byte("XX <extra_id_0>")), []int32{6, 5, 8}; m.VocabSize() != 9 || !slices.Equal(got, want) {
		t.Errorf("%d ids; ids %v, want %v", m.VocabSize(), got, want)
	}
}

func TestRefusedModels(t *testing.T) {
	change := func(f func(*spec)) spec {
		s := small()
		f(&s)
		return s
	}
	for name, c := range map[string]struct {
		s    spec
		want string
	}{
		"BPE":            {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Varint(3, 2) } }), "BPE"},
		"character":      {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Varint(3, 4) } }), "character"},
		"type 9":         {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Varint(3, 9) } }), "type 9"},
		"byte fallback":  {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Varint(35, 1) } }), "byte fallback"},
		"suffix":         {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Varint(24, 1) } }), "suffix"},
		"no pieces":      {change(func(s *spec) { s.pieces = nil }), "no pieces"},
		"no unknown":     {change(func(s *spec) { s.pieces[0].kind = control }), "no unknown piece"},
		"two unknown":    {change(func(s *spec) { s.pieces[1].kind = unknown }), "both the unknown piece"},
		"no end":         {change(func(s *spec) { s.pieces[2].text = "<end>" }), "end-of-document"},
		"twice":          {change(func(s *spec) { s.pieces[5].text = "b" }), "occurs twice"},
		"empty piece":    {change(func(s *spec) { s.pieces[5].text = "" }), "0 bytes"},
		"long piece":     {change(func(s *spec) { s.pieces[5].text = strings.Repeat("a", maxPieceBytes+1) }), "bytes"},
		"byte piece":     {change(func(s *spec) { s.pieces[5].kind = byteValue }), "byte"},
		"unknown type":   {change(func(s *spec) { s.pieces[5].kind = 7 }), "unknown type 7"},
		"not a number":   {change(func(s *spec) { s.pieces[5].score = float32(math.NaN()) }), "score"},
		"only specials":  {change(func(s *spec) { s.pieces = s.pieces[:4] }), "no normal pieces"},
		"wrong wire":     {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Float(3, 1) } }), "wire type"},
		"other end name": {change(func(s *spec) { s.trainer = func(m *sptest.Message) { m.Bytes(47, []byte("<eos>")) } }), "<eos>"},
	} {
		_, err := Parse(c.s.serialise())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestDamagedCharsmap(t *testing.T) {
	good := sptest.Charsmap(small().rules)
	for name, data := range map[string][]byte{
		"short":       {1, 2, 3},
		"no blob":     good[:len(good)-len(good)%4-8],
		"odd size":    append([]byte{7, 0, 0, 0}, good[4:]...),
		"huge size":   append([]byte{0xfc, 0xff, 0xff, 0xff}, good[4:]...),
		"zero size":   append([]byte{0, 0, 0, 0}, good[4:]...),
		"no last NUL": append(slices.Clone(good), 'x'),
	} {
		if _, err := parseCharsmap(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestNamedSpecials(t *testing.T) {
	s := small()
	s.pieces[2].text, s.pieces[3].text = "<eos>", "<fill>"
	s.trainer = func(m *sptest.Message) {
		m.Bytes(47, []byte("<eos>"))
		m.Bytes(48, []byte("<fill>"))
	}
	if m := mustParse(t, s); m.EOS() != 2 || m.Pad() != 3 {
		t.Errorf("eos %d, pad %d", m.EOS(), m.Pad())
	}
	s.pieces[3].text = "<other>"
	if m := mustParse(t, s); m.Pad() != m.EOS() {
		t.Errorf("without a padding piece, pad is %d", m.Pad())
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.model")
	if err := os.WriteFile(path, small().serialise(), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	s := small()
	s.pieces[5].score -= 0.5
	if b := mustParse(t, s); a.Digest() == b.Digest() || len(a.Digest()) != 64 {
		t.Errorf("digests %s and %s", a.Digest(), b.Digest())
	}
	if err := os.WriteFile(path, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
}

func TestTrieMatchesMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringOfN(rapid.RuneFrom([]rune("abcdefghijkl語é")), 1, 4, -1), 0, 60, rapid.ID[string]).Draw(t, "keys")
		var entries []entry
		for i, k := range keys {
			entries = append(entries, entry{k, int32(i)})
		}
		tr := newTrie(entries)
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abcdefghijkl語é")), 0, 6, -1).Draw(t, "text")
		longest := 0
		for i, k := range keys {
			if strings.HasPrefix(text, k) {
				longest = max(longest, len(k))
			}
			node := int32(0)
			for _, c := range []byte(k) {
				if node = tr.child(node, c); node < 0 {
					t.Fatalf("key %q is not found", k)
				}
			}
			if tr.value[node] != int32(i) {
				t.Fatalf("key %q has value %d, want %d", k, tr.value[node], i)
			}
		}
		if got := tr.longest([]byte(text)); got != longest {
			t.Fatalf("the longest key in %q has %d bytes, want %d", text, got, longest)
		}
	})
}

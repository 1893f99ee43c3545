package bpe

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Names of the special tokens in Hugging Face's files. No text holds them as one
// chunk, so that no merge gives them.
const (
	PadToken = "<|pad|>"
	EOSToken = "<|endoftext|>"
)

// The classes of characters of [Chunk] inside the brackets of a regular
// expression.
const (
	spaceClass  = `\x09-\x0d\x20`
	digitClass  = `0-9`
	letterClass = `A-Z_a-z\x{80}-\x{a0}\x{c0}-\x{200f}\x{2070}-\x{3000}\x{3020}-\x{ff00}\x{ff10}-\x{10ffff}`
	punctClass  = `\x00-\x08\x0e-\x1f!-/:-@\x5b-\x5e\x60\x7b-\x7f\x{a1}-\x{bf}\x{2010}-\x{206f}\x{3001}-\x{301f}\x{ff01}-\x{ff0f}`
)

// runPattern matches the runs that [Chunk] cuts a text into, apart from the
// bound of their length: a run of one class with the space before it, or white
// space up to the space that goes to what follows.
const runPattern = ` ?[` + letterClass + `]+| ?[` + digitClass + `]{1,3}| ?[` + punctClass + `]+|` +
	`[` + spaceClass + `]+(?= [^` + spaceClass + `])|[` + spaceClass + `]+`

// continuation is the class of the second and later bytes of a character,
// 0x80-0xbf, in the alphabet of byteNames.
const continuation = `\x{a1}-\x{ac}\x{ae}-\x{bf}\x{122}-\x{143}`

// boundPattern matches, in a run written in that alphabet, the longest piece of
// whole characters that is not longer than maxChunk bytes.
var boundPattern = fmt.Sprintf(`.{1,%d}(?![%s])`, maxChunk, continuation)

// byteNames returns the character that stands for each byte in a byte-level
// vocabulary (GPT-2): itself where it can be printed, one from U+0100 up else.
func byteNames() (names [256]string) {
	other := rune(0x100)
	for b := range rune(256) {
		if '!' <= b && b <= '~' || 0xa1 <= b && b <= 0xac || 0xae <= b {
			names[b] = string(b)
		} else {
			names[b] = string(other)
			other++
		}
	}
	return names
}

// HuggingFace returns the tokenizer as the tokenizer.json of Hugging Face's
// tokenizers, which gives the same ids for every valid UTF-8 text that does not
// spell [PadToken] or [EOSToken]: the runs by a regular expression, their bytes
// as characters, their bound by a second expression over these (a bound in bytes
// is a bound in such characters), and the merges. A vocabulary in which two ids
// stand for the same bytes cannot be written so; training makes none.
func (t *Tokenizer) HuggingFace() ([]byte, error) {
	names := byteNames()
	tokens := make([]string, len(t.bytes))
	vocab := map[string]int{PadToken: Pad, EOSToken: EOS}
	for id := firstByte; id < len(t.bytes); id++ {
		var s string
		for _, b := range t.bytes[id] {
			s += names[b]
		}
		if twin, twice := vocab[s]; twice {
			return nil, fmt.Errorf("bpe: the ids %d and %d stand for the same bytes %q, which tokenizer.json cannot tell apart", twin, id, t.bytes[id])
		}
		tokens[id], vocab[s] = s, id
	}
	merges := make([]string, len(t.merges))
	for i, m := range t.merges {
		merges[i] = tokens[m.Left] + " " + tokens[m.Right]
	}
	special := func(id int, content string) map[string]any {
		return map[string]any{
			"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
		}
	}
	split := func(pattern string) map[string]any {
		return map[string]any{"type": "Split", "pattern": map[string]string{"Regex": pattern}, "behavior": "Isolated", "invert": false}
	}
	byteLevel := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}
	return asJSON(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil,
		"added_tokens":   []any{special(Pad, PadToken), special(EOS, EOSToken)},
		"normalizer":     nil,
		"pre_tokenizer":  map[string]any{"type": "Sequence", "pretokenizers": []any{split(runPattern), byteLevel, split(boundPattern)}},
		"post_processor": nil,
		"decoder":        byteLevel,
		"model": map[string]any{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": merges,
		},
	})
}

// asJSON writes JSON for people: indented, with <, > and & as they are.
func asJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

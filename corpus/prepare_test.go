package corpus

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ranklab/corpus/sentencepiece/sptest"
	"ranklab/corpus/source"
)

func TestPrepareText(t *testing.T) {
	files := prose(1, 60)
	o := textOptions(t, folder(t, files))
	s := prepare(t, o)
	m := s.Manifest
	if m.Documents.Kept != 60 || m.Train.Documents+m.Val.Documents != 60 || m.Val.Documents < 2 {
		t.Errorf("documents %+v, train %+v, val %+v", m.Documents, m.Train, m.Val)
	}

	// The digests, from their definition.
	text, bytes := sha256.New(), int64(0)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(text, "%s\x00%d\x00%s", name, len(files[name]), files[name])
		bytes += int64(len(files[name]))
	}
	if got := hex.EncodeToString(text.Sum(nil)); m.TextDigest != got || m.Bytes != bytes {
		t.Errorf("text %s of %d bytes, want %s of %d", m.TextDigest, m.Bytes, got, bytes)
	}

	// Each text is in one split, as its own tokens with an end token.
	want := make(map[string]bool)
	for _, text := range files {
		want[text] = true
	}
	for _, split := range []Split{s.Train, s.Val} {
		var tokens, bytes int64
		for _, d := range documents(split) {
			if d[len(d)-1] != s.Tokenizer.EOS() {
				t.Fatal("a document does not end in the end token")
			}
			text := string(s.Tokenizer.Decode(d))
			if !want[text] {
				t.Fatalf("%.40q is not a document, or occurs twice", text)
			}
			delete(want, text)
			tokens, bytes = tokens+int64(len(d)), bytes+int64(len(text))
		}
		info := map[string]SplitInfo{"train": m.Train, "validation": m.Val}[split.Name]
		if info.Tokens != tokens || info.Bytes != bytes {
			t.Errorf("%s: %+v, want %d tokens of %d bytes", split.Name, info, tokens, bytes)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d documents are missing", len(want))
	}
}

// TestCache prepares the same data again, then with another vocabulary, then
// after a change of the text.
func TestCache(t *testing.T) {
	dir := folder(t, prose(1, 60))
	o := textOptions(t, dir)
	var stages []string
	o.Progress = func(stage string, done, total int64) {
		if len(stages) == 0 || stages[len(stages)-1] != stage {
			stages = append(stages, stage)
		}
	}
	first := prepare(t, o)
	if want := []string{StageRead, StageCompare, StageDigest, StageCount, StageTrain, StageTokenize}; !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
	stages = nil
	if again := prepare(t, o); len(stages) > 0 || !cmp.Equal(again.Manifest, first.Manifest) {
		t.Errorf("a second preparation went through %q\n%s", stages, cmp.Diff(first.Manifest, again.Manifest))
	}

	stages = nil
	o.VocabSize = 700
	other := prepare(t, o)
	if want := []string{StageCount, StageTrain, StageTokenize}; !slices.Equal(stages, want) {
		t.Errorf("another vocabulary: stages %q, want %q", stages, want)
	}
	if other.Manifest.Digest != first.Manifest.Digest || other.Manifest.Tokenizer.Digest == first.Manifest.Tokenizer.Digest {
		t.Error("the data digest depends on the tokenizer, or the tokenizer's does not")
	}

	path := filepath.Join(dir, "new.txt")
	if err := os.WriteFile(path, []byte(prose(9, 1)["d0/text000.txt"]), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := prepare(t, o) // new.txt is too fresh for a fingerprint
	if changed.Manifest.Documents.Kept != 61 || changed.Manifest.Digest == first.Manifest.Digest {
		t.Errorf("after a change: %+v", changed.Manifest.Documents)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if again := prepare(t, o); !cmp.Equal(again.Manifest, changed.Manifest) {
		t.Error(cmp.Diff(changed.Manifest, again.Manifest))
	}
}

func TestDigestsAreTheSameElsewhere(t *testing.T) {
	files := prose(1, 60)
	a, b := prepare(t, textOptions(t, folder(t, files))), prepare(t, textOptions(t, folder(t, files)))
	if !cmp.Equal(a.Manifest, b.Manifest) {
		t.Error(cmp.Diff(a.Manifest, b.Manifest))
	}
	// These bytes must never change without a change of FilterVersion,
	// bpe.TrainerVersion or shard.FormatVersion.
	const (
		wantData      = "6948ec88745ad398d108d2af205e63a1a3a4c556716a642c2ab4aae62c15f9d7"
		wantTokenizer = "b92b1735a4f0fcb6f582d5574a8604f4b10b707ea06a31ed0f17df3fee9d8742"
		wantEval      = "3698350251d591c530784393a4c1aebb28350349a97506275c6377f496aab670"
	)
	e := EvalSet(a.Val, PackingConcat, 32, 1000)
	for what, v := range map[string][2]string{
		"data": {a.Manifest.Digest, wantData}, "tokenizer": {a.Tokenizer.Digest(), wantTokenizer}, "evaluation": {e.Digest, wantEval},
	} {
		if v[0] != v[1] {
			t.Errorf("digest of the %s is %s, want %s", what, v[0], v[1])
		}
	}
}

func TestNewDocumentsMoveNone(t *testing.T) {
	files := prose(1, 60)
	few := prepare(t, textOptions(t, folder(t, files)))
	more := maps.Clone(files)
	for name, text := range prose(2, 30) {
		more["more/"+name] = text
	}
	many := prepare(t, textOptions(t, folder(t, more)))
	held := make(map[string]bool)
	for _, d := range documents(many.Val) {
		held[string(many.Tokenizer.Decode(d))] = true
	}
	for _, d := range documents(few.Val) {
		if !held[string(few.Tokenizer.Decode(d))] {
			t.Error("a held-out document moved to training")
		}
	}
	if got := float64(many.Manifest.Val.Documents) / 90; got < 0.05 || got > 0.3 {
		t.Errorf("%v of the documents are held out, asked for 0.15", got)
	}
}

// TestDuplicatesGoBeforeTheSplit plants copies of every document under names
// that the hash sends to both splits.
func TestDuplicatesGoBeforeTheSplit(t *testing.T) {
	files := prose(1, 40)
	planted := maps.Clone(files)
	for name, text := range files {
		planted["z/exact-"+name] = text
		planted["z/near-"+name] = strings.Replace(text, " ", " changed ", 2)
	}
	plain, s := prepare(t, textOptions(t, folder(t, files))), prepare(t, textOptions(t, folder(t, planted)))
	if want := (source.Drops{source.Duplicate: 40, source.NearDuplicate: 40}); !maps.Equal(s.Manifest.Documents.Dropped, want) {
		t.Errorf("left out %v, want %v", s.Manifest.Documents.Dropped, want)
	}
	if s.Manifest.Digest != plain.Manifest.Digest {
		t.Error("the first of each group of copies is not what is kept")
	}
	if n := len(s.Manifest.NearDuplicates); n != shownDuplicates {
		t.Fatalf("%d near-copies are listed", n)
	}
	if d := s.Manifest.NearDuplicates[0]; !strings.HasSuffix(d.Dropped, d.Kept) || d.Similarity < Similarity || d.Similarity >= 1 {
		t.Errorf("near-copy %+v", d)
	}
}

func TestPrepareC4(t *testing.T) {
	texts := slices.Sorted(maps.Values(prose(3, 60)))
	shards := map[string]string{
		"c4-train.0.json.gz":      c4Lines(slices.Concat(texts[:40], []string{texts[0], " "})...),
		"c4-validation.0.json.gz": c4Lines(slices.Concat(texts[40:], texts[1:2])...),
	}
	o := textOptions(t, folder(t, shards))
	o.Source, o.ValFraction = SourceC4, 0
	s := prepare(t, o)
	m := s.Manifest
	if m.Train.Documents != 40 || m.Val.Documents != 20 || m.ValFraction != 0 {
		t.Errorf("train %+v, val %+v of own shards", m.Train, m.Val)
	}
	if want := (source.Drops{source.Duplicate: 2, source.Empty: 1}); !maps.Equal(m.Documents.Dropped, want) {
		t.Errorf("left out %v, want %v", m.Documents.Dropped, want)
	}

	// Without validation shards, the hash of the text decides, wherever it is.
	val := func(shards map[string]string) []string {
		o := textOptions(t, folder(t, shards))
		o.Source = SourceC4
		s := prepare(t, o)
		var held []string
		for _, d := range documents(s.Val) {
			held = append(held, string(s.Tokenizer.Decode(d)))
		}
		return slices.Sorted(slices.Values(held))
	}
	one := val(map[string]string{"c4-train.0.json.gz": c4Lines(texts...)})
	two := val(map[string]string{"c4-train.0.json.gz": c4Lines(texts[30:]...), "c4-train.1.json.gz": c4Lines(texts[:30]...)})
	if len(one) == 0 || !slices.Equal(one, two) {
		t.Errorf("%d and %d documents held out of the same texts", len(one), len(two))
	}
}

func TestOptionErrorsComeTogether(t *testing.T) {
	_, err := Prepare(context.Background(), Options{Source: "web", Packing: "tight", Tokenizer: "words", ValFraction: 1.5})
	for _, want := range []string{`"web"`, `"tight"`, `"words"`, "1.5"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
	good := textOptions(t, folder(t, prose(1, 20)))
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"modules of text":   {func(o *Options) { o.Modules = []string{"a@v1.0.0"} }, "modules belong"},
		"paths of modules":  {func(o *Options) { o.Source = SourceGoModules }, "paths belong"},
		"small vocabulary":  {func(o *Options) { o.VocabSize = 100 }, "512 to 32000"},
		"model of BPE":      {func(o *Options) { o.TokenizerModel = "x" }, "tokenizer_model"},
		"no model":          {func(o *Options) { o.Tokenizer = TokenizerSentencePiece }, "tokenizer_model"},
		"missing model":     {func(o *Options) { o.Tokenizer, o.TokenizerModel = TokenizerSentencePiece, "/no/such.model" }, "such.model"},
		"missing folder":    {func(o *Options) { o.Paths = []string{"/no/such/folder"} }, "/no/such/folder"},
		"nothing held out":  {func(o *Options) { o.ValFraction = 1e-9 }, "validation split"},
		"everything":        {func(o *Options) { o.ValFraction = 0.999999 }, "training split"},
		"no fraction":       {func(o *Options) { o.ValFraction = 0 }, "val_fraction is 0"},
		"unpinned module":   {func(o *Options) { o.Source, o.Paths, o.Modules = SourceGoModules, nil, []string{"a.b/c@latest"} }, "not exact"},
		"cache is a file":   {func(o *Options) { o.CacheDir = filepath.Join(o.Paths[0], "d0/text000.txt") }, "text000.txt"},
		"no module at all":  {func(o *Options) { o.Source, o.Paths = SourceGoModules, nil }, "no Go modules"},
		"folder, no shards": {func(o *Options) { o.Source = SourceC4 }, "json.gz"},
	} {
		o := good
		c.change(&o)
		if _, err := Prepare(context.Background(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// TestInterruption cancels a preparation at each of its stages. The next one
// carries on and ends with the same bytes.
func TestInterruption(t *testing.T) {
	dir := folder(t, prose(1, 60))
	want := prepare(t, textOptions(t, dir))
	o := textOptions(t, dir)
	for _, stage := range []string{StageRead, StageCompare, StageDigest, StageCount, StageTokenize} {
		ctx, cancel := context.WithCancel(context.Background())
		o.Progress = func(s string, done, total int64) {
			if s == stage {
				cancel()
			}
		}
		if s, err := Prepare(ctx, o); !errors.Is(err, context.Canceled) {
			if s != nil {
				s.Close()
			}
			t.Errorf("cancelled while %s: error %v", stage, err)
		}
		cancel()
	}
	o.Progress = nil
	s := prepare(t, o)
	if !cmp.Equal(s.Manifest, want.Manifest) {
		t.Error(cmp.Diff(want.Manifest, s.Manifest))
	}
	if !slices.EqualFunc(documents(s.Train), documents(want.Train), slices.Equal) {
		t.Error("the tokens differ")
	}
}

// TestDamagedCache cuts every cached file. Each is built anew.
func TestDamagedCache(t *testing.T) {
	o := textOptions(t, folder(t, prose(1, 60)))
	want := prepare(t, o)
	var files []string
	err := filepath.WalkDir(o.CacheDir, func(p string, e os.DirEntry, err error) error {
		if info, _ := e.Info(); err == nil && e.Type().IsRegular() && info.Size() > 0 {
			files = append(files, p)
		}
		return err
	})
	if err != nil || len(files) != 5 { // text, bpe, train.tok, val.tok, counts.json
		t.Fatalf("cached files %q, %v", files, err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil { // want still reads the old one
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data[:len(data)*2/3], 0o644); err != nil {
			t.Fatal(err)
		}
		if s := prepare(t, o); !cmp.Equal(s.Manifest, want.Manifest) {
			t.Errorf("after cutting %s:\n%s", filepath.Base(path), cmp.Diff(want.Manifest, s.Manifest))
		}
	}
}

// TestTextChangesMeanwhile changes a file between two passes.
func TestTextChangesMeanwhile(t *testing.T) {
	for _, stage := range []string{StageCount, StageTokenize} {
		dir := folder(t, prose(1, 60))
		o := textOptions(t, dir)
		changed := false
		o.Progress = func(s string, done, total int64) {
			// Training follows counting; the next pass is tokenizing.
			if !changed && (s == StageDigest && stage == StageCount && done == total || s == StageTrain && stage == StageTokenize) {
				changed = true
				path := filepath.Join(dir, "d0/text000.txt")
				text, err := os.ReadFile(path)
				if err == nil {
					text[5] ^= 1
					err = os.WriteFile(path, text, 0o644)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
		if s, err := Prepare(context.Background(), o); !errors.Is(err, errChanged) {
			if s != nil {
				s.Close()
			}
			t.Errorf("changed before %s: error %v", stage, err)
		}
		o.Progress = nil
		if s := prepare(t, o); s.Manifest.Documents.Kept != 60 {
			t.Errorf("afterwards: %+v", s.Manifest.Documents)
		}
	}
}

func TestNotes(t *testing.T) {
	o := textOptions(t, folder(t, prose(1, 30)))
	o.VocabSize = 20_000
	s := prepare(t, o)
	if len(s.Manifest.Notes) != 1 || !strings.Contains(s.Manifest.Notes[0], "of 20000 tokens") {
		t.Errorf("notes %q", s.Manifest.Notes)
	}
	if s.Tokenizer.VocabSize() != 20_000 || s.Manifest.Tokenizer.VocabSize != 20_000 {
		t.Errorf("the vocabulary has %d ids", s.Tokenizer.VocabSize())
	}
}

// TestPrepareSentencePiece uses a model that is numbered like T5's.
func TestPrepareSentencePiece(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t5.model")
	if err := os.WriteFile(path, sptest.T5("low", "rank", "grad", "lowrank").Serialise(), 0o644); err != nil {
		t.Fatal(err)
	}
	files := prose(1, 40)
	files["d9/odd.txt"] = "\u00e9\u00e9 and \u8a9e <extra_id_0> low rank"
	o := textOptions(t, folder(t, files))
	o.Tokenizer, o.TokenizerModel, o.VocabSize = TokenizerSentencePiece, path, 300
	s := prepare(t, o)
	if s.Tokenizer.EOS() != 1 || s.Tokenizer.Pad() != 0 || s.Manifest.Tokenizer.VocabSize > 300 {
		t.Errorf("tokenizer %+v, eos %d, pad %d", s.Manifest.Tokenizer, s.Tokenizer.EOS(), s.Tokenizer.Pad())
	}
	words := make(map[string]bool)
	for _, text := range files {
		words[strings.Join(strings.Fields(text), " ")] = true
	}
	for _, split := range []Split{s.Train, s.Val} {
		for _, d := range documents(split) {
			for _, id := range d {
				if id < 1 || int(id) >= s.Tokenizer.VocabSize() {
					t.Fatalf("id %d of %d", id, s.Tokenizer.VocabSize())
				}
			}
			if text := string(s.Tokenizer.Decode(d)); !words[text] && !strings.HasPrefix(text, " ⁇ ") {
				t.Fatalf("%.60q is no document", text)
			}
		}
	}
	o.VocabSize = 100
	if _, err := Prepare(context.Background(), o); err == nil || !strings.Contains(err.Error(), "vocab_size of 100") {
		t.Errorf("a model of 100 ids: error %v", err)
	}
}

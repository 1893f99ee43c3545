package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ranklab/corpus/source"
	"ranklab/internal/bounded/boundedtest"
)

// numbered is a source of a number of documents.
type numbered int

func (n numbered) Walk(_ context.Context, yield func(source.Document) error) (source.Drops, error) {
	for i := range int(n) {
		if err := yield(source.Document{Name: string(rune('a' + i%26)), Text: []byte("x")}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
func (n numbered) Size() int64         { return int64(n) }
func (n numbered) Fingerprint() string { return "" }

// cachedSelection is a selection as scan leaves it in the cache.
func cachedSelection() selection {
	s := selection{Parts: []byte{1, 0, 2, 1}}
	s.Manifest = Manifest{
		Source: SourceText, FilterVersion: FilterVersion, Documents: Documents{Kept: 3, Dropped: source.Drops{source.Duplicate: 1}}, Bytes: 6,
		Train: SplitInfo{Documents: 2, Bytes: 4}, Val: SplitInfo{Documents: 1, Bytes: 2},
	}
	return s
}

// FuzzSelection reads arbitrary bytes as the cached list of documents. One that
// is believed agrees with itself, so that a walk over as many documents keeps
// those that it counts, and over another number notices.
func FuzzSelection(f *testing.F) {
	good := cachedSelection()
	data, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}"))
	f.Add([]byte("null"))
	f.Add(bytes.Replace(data, []byte(`"parts":"`), []byte(`"parts":"CQ`), 1))
	for _, field := range []string{`"kept":3`, `"bytes":4`, `"bytes":6`, `"documents":2`, `"filter_version":1`} {
		for _, value := range []string{"0", "-1", "9223372036854775807", "1e400"} {
			f.Add(bytes.Replace(data, []byte(field), append([]byte(field[:len(field)-1]), value...), 1))
		}
	}
	path := filepath.Join(f.TempDir(), "text.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		s := &selection{}
		var found bool
		boundedtest.AtMost(t, 300*int64(len(data)), func() {
			if found, err = loadJSON(path, s, s.valid); err != nil {
				t.Fatal(err)
			}
		})
		if !found {
			return
		}
		if err := saveJSON(path, s); err != nil {
			t.Fatal(err)
		}
		again := &selection{}
		if found, err := loadJSON(path, again, again.valid); err != nil || !found || !cmp.Equal(s.Parts, again.Parts) || !cmp.Equal(s.Manifest, again.Manifest) {
			t.Fatalf("written and read: found %v, %v\n%s", found, err, cmp.Diff(s.Manifest, again.Manifest))
		}
		kept := 0
		count := func(source.Document, source.Part) error { kept++; return nil }
		if err := s.each(context.Background(), numbered(len(s.Parts)), count); err != nil || kept != s.Manifest.Documents.Kept {
			t.Fatalf("%d documents kept, want %d; error %v", kept, s.Manifest.Documents.Kept, err)
		}
		for _, n := range []int{len(s.Parts) - 1, len(s.Parts) + 1} {
			if err := s.each(context.Background(), numbered(n), count); !errors.Is(err, errChanged) {
				t.Fatalf("%d documents for %d parts: %v", n, len(s.Parts), err)
			}
		}
	})
}

// FuzzBaselines reads arbitrary bytes as cached losses of n-gram models.
func FuzzBaselines(f *testing.F) {
	orders := []int{1, 2, 3}
	data, err := json.Marshal([]Baseline{{1, "unigram", 6, 403, 3.7}, {2, "bigram", 4, 55, 2.4}, {3, "trigram", 3, 20, 1.9}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("null"))
	f.Add([]byte("[]"))
	f.Add([]byte(`[{"order":1},{"order":2},{"order":9}]`))
	f.Add([]byte(`[{"order":1,"loss":-1},{"order":2},{"order":3}]`))
	path := filepath.Join(f.TempDir(), "ngrams.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var baselines []Baseline
		found, err := loadJSON(path, &baselines, func() bool { return ofOrders(baselines, orders) })
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			return
		}
		for i, b := range baselines {
			if b.Order != orders[i] || !(b.Loss >= 0) {
				t.Fatalf("baseline %+v", b)
			}
		}
		if err := saveJSON(path, baselines); err != nil {
			t.Fatal(err)
		}
		var again []Baseline
		if found, err := loadJSON(path, &again, func() bool { return ofOrders(again, orders) }); err != nil || !found || !cmp.Equal(baselines, again) {
			t.Fatalf("written and read: %v, %v", again, err)
		}
	})
}

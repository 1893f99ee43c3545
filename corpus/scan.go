package corpus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ranklab/corpus/dedup"
	"ranklab/corpus/source"
)

// Similarity is the Jaccard index of shingles (see package dedup) from which a
// document counts as a near-copy of an earlier one and is dropped. Documents of
// C4, whose publishers removed repeated passages, are only compared for
// equality.
const Similarity = 0.7

// shownDuplicates is how many near-copies a manifest lists.
const shownDuplicates = 12

// A selection is what is known of a source's documents after comparing and
// splitting them.
type selection struct {
	Manifest Manifest `json:"manifest"` // without tokenizer and tokens
	Parts    []byte   `json:"parts"`    // per document that the source yields: 0 (dropped) or its source.Part

	path string // of its cache file; "" if there is none
}

// dropped marks a document in selection.Parts.
const dropped = byte(source.Any)

// valid reports whether the selection is one that [scan] could have made.
func (s *selection) valid() bool {
	var documents [source.Validation + 1]int
	for _, part := range s.Parts {
		if int(part) >= len(documents) {
			return false
		}
		documents[part]++
	}
	train, val := documents[source.Train], documents[source.Validation]
	m := &s.Manifest
	return m.FilterVersion == FilterVersion && m.Documents.Kept == train+val &&
		train > 0 && m.Train.Documents == train && m.Train.Bytes > 0 &&
		val > 0 && m.Val.Documents == val && m.Val.Bytes > 0 &&
		m.Bytes == m.Train.Bytes+m.Val.Bytes
}

// selectDocuments returns the selection of a source, from the cache if the
// source has not changed.
func selectDocuments(ctx context.Context, o *Options, src source.Source) (*selection, error) {
	fingerprint := src.Fingerprint()
	if fingerprint == "" {
		return scan(ctx, o, src)
	}
	key := digestOf("text", FilterVersion, Similarity, o.Source, fingerprint, o.ValFraction)[:32]
	path := filepath.Join(o.CacheDir, "text", key+".json")
	s := &selection{}
	if found, err := loadJSON(path, s, s.valid); found || err != nil {
		s.path = path
		return s, err
	}
	unlock, err := o.lock(ctx, "text-"+key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s = &selection{}
	if found, err := loadJSON(path, s, s.valid); found || err != nil { // built while we waited
		s.path = path
		return s, err
	}
	if s, err = scan(ctx, o, src); err != nil {
		return nil, err
	}
	s.path = path
	return s, saveJSON(path, s)
}

// scan reads a source and decides about its documents.
func scan(ctx context.Context, o *Options, src source.Source) (*selection, error) {
	s := &selection{}
	f := &s.Manifest
	f.Source, f.FilterVersion = o.Source, FilterVersion
	f.ValFraction = o.ValFraction
	if c4, ok := src.(*source.C4Shards); ok && c4.OwnSplit() {
		f.ValFraction = 0
	} else if o.ValFraction == 0 {
		return nil, errors.New("val_fraction is 0: some documents have to be held out, for example 0.05")
	}
	if modules, ok := src.(*source.GoModules); ok {
		progress := o.report(StageModules)
		progress(0, int64(len(modules.Modules())))
		if err := modules.Resolve(ctx); err != nil {
			return nil, err
		}
		f.Modules = modules.Modules()
		progress(int64(len(f.Modules)), int64(len(f.Modules)))
	}
	m := newMeasure()
	var err error
	if o.Source == SourceC4 {
		err = s.distinct(ctx, o, src, m)
	} else {
		err = s.dissimilar(ctx, o, src, m)
	}
	if err != nil {
		return nil, err
	}
	m.enter(f)
	for i, split := range [...]string{"training", "validation"} {
		if m.documents[i] == 0 {
			return nil, fmt.Errorf("none of %d documents is in the %s split (val_fraction %v): change val_fraction or add documents",
				f.Documents.Kept, split, o.ValFraction)
		}
	}
	return s, nil
}

// A readDocument is what is kept of a document while others are read.
type readDocument struct {
	source.Document
	hash   [sha256.Size]byte
	sketch dedup.Sketch
}

// distinct drops documents whose text occurred before.
func (s *selection) distinct(ctx context.Context, o *Options, src source.Source, m *measure) error {
	progress := o.report(StageRead)
	seen := make(map[[16]byte]struct{}) // half a SHA-256
	copies := 0
	var drops source.Drops
	err := inOrder(ctx,
		func(ctx context.Context, yield func(source.Document) error) (err error) {
			drops, err = src.Walk(ctx, yield)
			return err
		},
		func(d source.Document) readDocument { return readDocument{d, sha256.Sum256(d.Text), nil} },
		func(d readDocument) error {
			progress(d.Read, src.Size())
			id := [16]byte(d.hash[:16])
			if _, twice := seen[id]; twice {
				copies++
				s.Parts = append(s.Parts, dropped)
				return nil
			}
			seen[id] = struct{}{}
			part := choose(d.Document, d.hash, o.ValFraction)
			s.Parts = append(s.Parts, byte(part))
			m.add(d.Document, part)
			return nil
		})
	s.drop(drops, source.Duplicate, copies)
	return err
}

// dissimilar drops documents that resemble an earlier one.
func (s *selection) dissimilar(ctx context.Context, o *Options, src source.Source, m *measure) error {
	progress := o.report(StageRead)
	var (
		seen     = make(map[[sha256.Size]byte]bool)
		copies   int
		names    []string // of documents that are not exact copies
		sketches []dedup.Sketch
		index    []int // their places in Parts
		drops    source.Drops
	)
	err := inOrder(ctx,
		func(ctx context.Context, yield func(source.Document) error) (err error) {
			drops, err = src.Walk(ctx, yield)
			return err
		},
		func(d source.Document) readDocument {
			r := readDocument{d, sha256.Sum256(d.Text), dedup.NewSketch(d.Text)}
			r.Text = nil
			return r
		},
		func(d readDocument) error {
			progress(d.Read, src.Size())
			if seen[d.hash] {
				copies++
				s.Parts = append(s.Parts, dropped)
				return nil
			}
			seen[d.hash] = true
			names, sketches, index = append(names, d.Name), append(sketches, d.sketch), append(index, len(s.Parts))
			s.Parts = append(s.Parts, byte(choose(d.Document, d.hash, o.ValFraction)))
			return nil
		})
	if err != nil {
		return err
	}
	o.report(StageCompare)(0, int64(len(sketches)))
	pairs := dedup.Find(sketches, Similarity)
	for _, p := range pairs {
		s.Parts[index[p.Doc]] = dropped
		if len(s.Manifest.NearDuplicates) < shownDuplicates {
			s.Manifest.NearDuplicates = append(s.Manifest.NearDuplicates, NearDuplicate{names[p.Doc], names[p.Of], p.Similarity})
		}
	}
	s.drop(drops, source.Duplicate, copies)
	s.drop(drops, source.NearDuplicate, len(pairs))

	progress = o.report(StageDigest)
	return s.each(ctx, src, func(d source.Document, part source.Part) error {
		progress(d.Read, src.Size())
		m.add(d, part)
		return nil
	})
}

// drop enters what the source dropped, and n more for another reason.
func (s *selection) drop(drops source.Drops, reason string, n int) {
	if n > 0 && drops != nil {
		drops[reason] = n
	}
	if len(drops) > 0 {
		s.Manifest.Documents.Dropped = drops
	}
}

var errChanged = errors.New("the text is not what it was when it was first read: leave the files alone and start again")

// each walks the documents that were kept.
func (s *selection) each(ctx context.Context, src source.Source, yield func(source.Document, source.Part) error) error {
	i := 0
	_, err := src.Walk(ctx, func(d source.Document) error {
		if i == len(s.Parts) {
			return errChanged
		}
		part := s.Parts[i]
		i++
		if part == dropped {
			return nil
		}
		return yield(d, source.Part(part))
	})
	if err == nil && i < len(s.Parts) {
		return errChanged
	}
	return err
}

// eachVerified is each, with an error at the end if the text is not the one of
// the manifest. What was made of it must then be thrown away.
func (s *selection) eachVerified(ctx context.Context, src source.Source, yield func(source.Document, source.Part) error) error {
	m := newMeasure()
	err := s.each(ctx, src, func(d source.Document, part source.Part) error {
		m.add(d, part)
		return yield(d, part)
	})
	var f Manifest
	m.enter(&f)
	if err == nil && f.Digest != s.Manifest.Digest {
		err = errChanged
	}
	if errors.Is(err, errChanged) && s.path != "" {
		os.Remove(s.path)
	}
	return err
}

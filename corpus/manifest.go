package corpus

import "ranklab/corpus/source"

// FilterVersion numbers the rules by which text is read, cleaned, compared and
// split. Digests of different versions do not compare.
const FilterVersion = 1

// A Manifest says what the data is. It holds nothing that depends on the
// machine.
type Manifest struct {
	Source        string          `json:"source"`
	Modules       []source.Module `json:"modules,omitempty"`
	FilterVersion int             `json:"filter_version"`
	ValFraction   float64         `json:"val_fraction,omitempty"` // absent where the source has its own split

	Documents Documents `json:"documents"`
	Bytes     int64     `json:"bytes"` // of the documents kept

	// TextDigest is the SHA-256 over "name NUL length NUL text" of each
	// document kept, in order; TrainDigest and ValDigest are the same over
	// each split. Digest is that of both splits: the identity of the data
	// before tokenization, whatever the packing.
	TextDigest  string `json:"text_digest"`
	TrainDigest string `json:"train_digest"`
	ValDigest   string `json:"val_digest"`
	Digest      string `json:"digest"`

	// NearDuplicates are the first of the near-copies that were dropped.
	NearDuplicates []NearDuplicate `json:"near_duplicates,omitempty"`

	Tokenizer TokenizerInfo `json:"tokenizer"`
	Train     SplitInfo     `json:"train"`
	Val       SplitInfo     `json:"val"`

	// Notes are things that a reader should know, as sentences.
	Notes []string `json:"notes,omitempty"`
}

// Documents counts documents.
type Documents struct {
	Kept    int          `json:"kept"`
	Dropped source.Drops `json:"dropped,omitempty"` // by reason
}

// A NearDuplicate is a dropped document and the kept one that it resembles.
type NearDuplicate struct {
	Dropped    string  `json:"dropped"`
	Kept       string  `json:"kept"`
	Similarity float64 `json:"similarity"` // Jaccard index of the shingles
}

// TokenizerInfo identifies a tokenizer.
type TokenizerInfo struct {
	Name      string `json:"name"`
	VocabSize int    `json:"vocab_size"`
	Digest    string `json:"digest"`
}

// SplitInfo gives the size of a split.
type SplitInfo struct {
	Documents int   `json:"documents"` // with at least one token each
	Bytes     int64 `json:"bytes"`
	Tokens    int64 `json:"tokens"` // end tokens included
}

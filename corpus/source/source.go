// Package source reads the documents of a corpus: Go source from pinned
// modules, text files, or C4-style shards.
//
// A source walks its documents in one fixed order and can do so any number of
// times, so that no text has to be held in memory between passes.
package source

import (
	"context"
	"time"
)

// A Part says to which split a source itself assigns a document.
type Part uint8

// The parts. Any leaves the choice to the hash of the identity.
const (
	Any Part = iota
	Train
	Validation
)

// A Document is one text of a corpus. The receiver owns Text.
type Document struct {
	// Name is independent of the machine: slash-separated, without the
	// folder that the user named.
	Name string
	// Text is never empty or only white space.
	Text []byte
	// Part is Any unless the source comes with its own split.
	Part Part
	// ByText says that the text itself, not the name, identifies the
	// document: shards may be cut anew.
	ByText bool
	// Read counts the bytes of input consumed so far, on the scale of
	// [Source.Size].
	Read int64
}

// Reasons for which a document does not enter the corpus. The last two are
// decided after reading, by the comparison between documents.
const (
	Generated     = "generated"      // Go: a "Code generated … DO NOT EDIT." line before the package clause
	Test          = "test"           // Go: _test.go
	Testdata      = "testdata"       // Go: below a testdata folder
	Vendor        = "vendor"         // Go: below a vendor folder
	Unparsable    = "unparsable"     // Go: no package clause can be read
	Binary        = "binary"         // text: contains a NUL byte
	Empty         = "empty"          // nothing but white space (after the licence header, for Go)
	OtherShard    = "other_shard"    // C4: a file beside train and validation shards that is neither (counts files)
	Duplicate     = "duplicate"      // same bytes as an earlier document
	NearDuplicate = "near_duplicate" // similar to an earlier document that was kept
)

// Drops counts dropped documents by reason.
type Drops map[string]int

// A Source is a corpus before it is compared, split and tokenized.
type Source interface {
	// Walk calls yield for each document in the fixed order and stops at
	// its first error.
	Walk(ctx context.Context, yield func(Document) error) (Drops, error)
	// Size is the number of input bytes that a walk reads, for progress. It
	// is 0 until it is known.
	Size() int64
	// Fingerprint identifies the input without reading it, on this machine
	// only. It is empty when the input cannot be told from a version of
	// itself that is changing right now.
	Fingerprint() string
}

// settled is the age from which a file's modification time proves that it
// has not been written again since: file systems keep times with a
// granularity of up to two seconds.
const settled = 3 * time.Second

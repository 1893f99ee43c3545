// Package corpus turns text into training data: documents are read from a
// source, cleaned, freed of near-copies, split into training and validation,
// tokenized, and stored as shards from which sequences are read in place.
//
// The path of the data, each stage cached under its digest:
//
//	source     Go modules, text files or C4 shards, in a fixed order (package source)
//	duplicates exact copies, and near-copies by shingles (package dedup), go before the split
//	split      by a hash of each document's identity, so that adding documents moves none
//	tokenizer  byte-level BPE trained on the training split (package bpe), or a
//	           SentencePiece unigram model (package sentencepiece)
//	shards     the tokens of each split (package shard)
//	sequences  windows of the token stream ("concat") or padded documents ("pad")
//
// Every digest is a function of the text and the rules alone: it is the same on
// every machine. Whatever changes what documents enter, how they look or to
// which split they go changes [FilterVersion].
//
// A cache folder holds
//
//	text/KEY.json        what was found in a source (KEY: its fingerprint on this machine)
//	bpe/KEY.json         a vocabulary
//	tokens/KEY/          train.tok, val.tok, and counts.json, written last
//	ngrams/KEY.json      losses of n-gram models
//	locks/               one file per thing under construction
//
// Several processes may share it: whoever comes second waits for the first.
package corpus

// A Tokenizer turns text into token ids and back. Its methods are safe for
// concurrent use.
type Tokenizer interface {
	// Encode appends the tokens of text to dst, without an end token.
	Encode(dst []int32, text []byte) []int32
	// Decode returns the text of tokens; special tokens stand for nothing.
	Decode(ids []int32) []byte
	// VocabSize is the number of ids.
	VocabSize() int
	// EOS ends each document; Pad fills sequences.
	EOS() int32
	Pad() int32
	// TokenBytes is the number of bytes of text that a token stands for, 0
	// for EOS and Pad.
	TokenBytes(id int32) int
	// Digest identifies everything that determines the ids of a text.
	Digest() string
	Name() string
}

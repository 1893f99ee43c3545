package sentencepiece

import (
	"fmt"
	"math"
)

// kind is the type of a piece, with the numbers of the file format.
type kind uint8

const (
	normal      kind = 1
	unknown     kind = 2
	control     kind = 3
	userDefined kind = 4
	unused      kind = 5
	byteValue   kind = 6
)

type piece struct {
	text  string
	score float32
	kind  kind
}

// proto is the part of a ModelProto that unigram encoding needs. Field numbers
// are those of sentencepiece_model.proto.
type proto struct {
	pieces []piece

	modelType      uint64 // 1 is unigram
	suffix         bool   // white space is a suffix of words
	byteFallback   bool
	eos, pad       string // the pieces with these roles
	dummyPrefix    bool
	removeExtra    bool
	escapeSpace    bool
	charsmap       []byte
	normalizerName string
}

// maxPieces bounds a vocabulary, and with it what a file can make us allocate: a
// row of the trie for every seven pieces, and some twenty bytes for each byte.
const maxPieces = 1 << 20

func parseProto(data []byte) (*proto, error) {
	p := &proto{modelType: 1, eos: "</s>", pad: "<pad>", dummyPrefix: true, removeExtra: true, escapeSpace: true}
	err := eachField(data, func(v field) error {
		switch v.number {
		case 1: // pieces
			if err := v.want(wireBytes); err != nil {
				return err
			}
			if len(p.pieces) == maxPieces {
				return fmt.Errorf("more than %d pieces", maxPieces)
			}
			piece, err := parsePiece(v.bytes)
			if err != nil {
				return fmt.Errorf("piece %d: %w", len(p.pieces), err)
			}
			p.pieces = append(p.pieces, piece)
		case 2: // trainer_spec
			if err := v.want(wireBytes); err != nil {
				return err
			}
			if err := eachField(v.bytes, p.trainerField); err != nil {
				return fmt.Errorf("trainer_spec: %w", err)
			}
		case 3: // normalizer_spec
			if err := v.want(wireBytes); err != nil {
				return err
			}
			if err := eachField(v.bytes, p.normalizerField); err != nil {
				return fmt.Errorf("normalizer_spec: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func parsePiece(data []byte) (piece, error) {
	x := piece{kind: normal}
	err := eachField(data, func(v field) error {
		switch v.number {
		case 1:
			x.text = string(v.bytes)
			return v.want(wireBytes)
		case 2:
			x.score = v.float()
			if math.IsNaN(float64(x.score)) || math.IsInf(float64(x.score), 0) {
				return fmt.Errorf("score %v", x.score)
			}
			return v.want(wireFixed32)
		case 3:
			if v.num < uint64(normal) || v.num > uint64(byteValue) {
				return fmt.Errorf("unknown type %d", v.num)
			}
			x.kind = kind(v.num)
			return v.want(wireVarint)
		}
		return nil
	})
	return x, err
}

func (p *proto) trainerField(v field) error {
	switch v.number {
	case 3:
		p.modelType = v.num
		return v.want(wireVarint)
	case 24:
		p.suffix = v.num != 0
		return v.want(wireVarint)
	case 35:
		p.byteFallback = v.num != 0
		return v.want(wireVarint)
	case 47:
		p.eos = string(v.bytes)
		return v.want(wireBytes)
	case 48:
		p.pad = string(v.bytes)
		return v.want(wireBytes)
	}
	return nil
}

func (p *proto) normalizerField(v field) error {
	switch v.number {
	case 1:
		p.normalizerName = string(v.bytes)
		return v.want(wireBytes)
	case 2:
		p.charsmap = v.bytes
		return v.want(wireBytes)
	case 3:
		p.dummyPrefix = v.num != 0
		return v.want(wireVarint)
	case 4:
		p.removeExtra = v.num != 0
		return v.want(wireVarint)
	case 5:
		p.escapeSpace = v.num != 0
		return v.want(wireVarint)
	}
	return nil
}

package shard

import (
	"encoding/binary"
	"fmt"
	"io"
)

// check reads tokens and offsets once. It does so through plain reads: pages of
// a mapping would count as memory of the process.
func (h header) check(r io.ReaderAt, vocab int) error {
	at := int64(0) // number of the token or offset
	err := each(r, headerSize, h.Tokens, h.width, func(token uint64) error {
		if token >= uint64(vocab) {
			return fmt.Errorf("token %d is %d, beyond a vocabulary of %d: the file is damaged, or belongs to another tokenizer", at, token, vocab)
		}
		at++
		return nil
	})
	if err != nil {
		return err
	}
	at = 0
	var before uint64
	err = each(r, h.offsetsAt(), h.Documents+1, 8, func(offset uint64) error {
		switch {
		case at == 0 && offset != 0, at > 0 && offset <= before, offset > uint64(h.Tokens), at == h.Documents && offset != uint64(h.Tokens):
			return fmt.Errorf("the end of document %d of %d is token %d of %d, after %d: the file is damaged", at-1, h.Documents, offset, h.Tokens, before)
		}
		before = offset
		at++
		return nil
	})
	return err
}

// each calls f for n unsigned numbers of width bytes from an offset on.
func each(r io.ReaderAt, offset, n, width int64, f func(uint64) error) error {
	buf := make([]byte, 1<<16)
	for n > 0 {
		b := buf[:min(n*width, int64(len(buf)))]
		if _, err := r.ReadAt(b, offset); err != nil {
			return err
		}
		offset, n = offset+int64(len(b)), n-int64(len(b))/width
		for len(b) > 0 {
			var v uint64
			switch width {
			case 2:
				v = uint64(binary.LittleEndian.Uint16(b))
			case 4:
				v = uint64(binary.LittleEndian.Uint32(b))
			default:
				v = binary.LittleEndian.Uint64(b)
			}
			if err := f(v); err != nil {
				return err
			}
			b = b[width:]
		}
	}
	return nil
}

package shard

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// A Writer writes a shard in one pass; only the offsets are kept in memory.
type Writer struct {
	out     io.WriteSeeker
	w       *bufio.Writer
	h       header
	offsets []int64
	eos     int32
}

// NewWriter starts a shard at the current start of out, for the tokens of a
// vocabulary of the given size.
func NewWriter(out io.WriteSeeker, vocab int, eos int32) (*Writer, error) {
	w := &Writer{out: out, w: bufio.NewWriterSize(out, 1<<18), h: header{width: width(vocab)}, eos: eos}
	_, err := w.w.Write(make([]byte, headerSize)) // the real one comes last
	return w, err
}

// Add appends a document of textBytes bytes. The end token is added.
func (w *Writer) Add(tokens []int32, textBytes int) error {
	w.offsets = append(w.offsets, w.h.Tokens)
	for _, t := range tokens {
		if err := w.token(t); err != nil {
			return err
		}
	}
	if err := w.token(w.eos); err != nil {
		return err
	}
	w.h.Tokens += int64(len(tokens)) + 1
	w.h.Documents++
	w.h.TextBytes += int64(textBytes)
	return nil
}

func (w *Writer) token(t int32) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(t))
	if w.h.width == 2 && (t < 0 || t >= 1<<16) {
		return fmt.Errorf("token %d does not fit a vocabulary of at most 65536", t)
	}
	_, err := w.w.Write(b[:w.h.width])
	return err
}

// Finish writes the offsets and the header. It does not close the file.
func (w *Writer) Finish() (Counts, error) {
	padding := w.h.offsetsAt() - headerSize - w.h.Tokens*w.h.width
	if _, err := w.w.Write(make([]byte, padding)); err != nil {
		return Counts{}, err
	}
	var b [8]byte
	for _, offset := range append(w.offsets, w.h.Tokens) {
		binary.LittleEndian.PutUint64(b[:], uint64(offset))
		if _, err := w.w.Write(b[:]); err != nil {
			return Counts{}, err
		}
	}
	if err := w.w.Flush(); err != nil {
		return Counts{}, err
	}
	if _, err := w.out.Seek(0, io.SeekStart); err != nil {
		return Counts{}, err
	}
	if _, err := w.out.Write(w.h.encode()); err != nil {
		return Counts{}, err
	}
	_, err := w.out.Seek(0, io.SeekEnd)
	return w.h.Counts, err
}

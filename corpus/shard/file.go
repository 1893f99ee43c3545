package shard

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
)

// A File is an open shard. It is safe for concurrent use.
type File struct {
	path   string
	h      header
	mapped []byte // the whole file, where the system can map it
	plain  *os.File
	mu     sync.Mutex
	buf    []byte // of plain, guarded by mu
}

// Open opens a shard of the tokens of a vocabulary and reads it once from end to
// end: the header has to match the size of the file, every document to hold a
// token, and every token to be one of the vocabulary. What is read later can
// then not lie outside of the file or of an embedding.
func Open(path string, vocab int) (*File, error) { return open(path, vocab, mapFile) }

// open reads through mapFile, or through plain reads when mapFile returns nil.
func open(path string, vocab int, mapFile func(*os.File, int64) ([]byte, error)) (shard *File, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if shard == nil || shard.mapped != nil {
			f.Close() // a mapping outlives its file
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < headerSize {
		return nil, fmt.Errorf("the file has %d bytes: it was cut or damaged", info.Size())
	}
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return nil, err
	}
	h, err := decodeHeader(b[:], info.Size())
	if err != nil {
		return nil, err
	}
	if err := h.check(f, vocab); err != nil {
		return nil, err
	}
	s := &File{path: path, h: h}
	if s.mapped, err = mapFile(f, info.Size()); err != nil {
		return nil, err
	}
	if s.mapped == nil {
		s.plain, s.buf = f, make([]byte, 1<<14)
	}
	return s, nil
}

// Counts returns the sizes of the shard.
func (f *File) Counts() Counts { return f.h.Counts }

// Close gives the file back. Nothing may be read afterwards.
func (f *File) Close() error {
	if f.mapped == nil {
		return f.plain.Close()
	}
	m := f.mapped
	f.mapped = nil
	return unmapFile(m)
}

// Document returns the first token of document d and the number of its tokens,
// the end token included. It panics if the file has changed since it was opened.
func (f *File) Document(d int) (first int64, n int) {
	if d < 0 || int64(d) >= f.h.Documents {
		panic("shard: no such document")
	}
	first = f.offset(int64(d))
	end := f.offset(int64(d) + 1)
	if first < 0 || end <= first || end > f.h.Tokens {
		panic(fmt.Sprintf("shard: %s is damaged: document %d is the tokens %d to %d of %d", f.path, d, first, end, f.h.Tokens))
	}
	return first, int(end - first)
}

func (f *File) offset(d int64) int64 {
	at := f.h.offsetsAt() + 8*d
	if f.mapped != nil {
		return int64(binary.LittleEndian.Uint64(f.mapped[at:]))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(binary.LittleEndian.Uint64(f.fill(8, at)))
}

// Read fills dst with the tokens from position first on. It allocates nothing.
func (f *File) Read(dst []int32, first int64) {
	if first < 0 || first+int64(len(dst)) > f.h.Tokens {
		panic("shard: tokens outside of the file")
	}
	at := headerSize + first*f.h.width
	if f.mapped != nil {
		decode(dst, f.mapped[at:], f.h.width)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(dst) > 0 {
		n := min(len(dst), len(f.buf)/int(f.h.width))
		decode(dst[:n], f.fill(n*int(f.h.width), at), f.h.width)
		dst, at = dst[n:], at+int64(n)*f.h.width
	}
}

// fill reads n bytes into buf. The range lies inside the file, so only a
// failing disk can stop it; it panics then, as mapped memory would fault.
func (f *File) fill(n int, at int64) []byte {
	if _, err := f.plain.ReadAt(f.buf[:n], at); err != nil {
		panic(fmt.Sprintf("shard: %v", err))
	}
	return f.buf[:n]
}

func decode(dst []int32, src []byte, width int64) {
	if width == 2 {
		for i := range dst {
			dst[i] = int32(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return
	}
	for i := range dst {
		dst[i] = int32(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

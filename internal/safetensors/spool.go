package safetensors

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// A Spool collects tensors whose number and total size are not known in
// advance. Their elements go to a scratch file at once; in memory are only names
// and shapes.
type Spool struct {
	file    *os.File
	buffer  *bufio.Writer
	end     int64
	tensors []Tensor
	scratch []byte
}

// NewSpool creates the scratch file at path, which must not exist.
func NewSpool(path string) (*Spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return &Spool{file: f, buffer: bufio.NewWriterSize(f, chunk), scratch: make([]byte, chunk)}, nil
}

// Add takes a tensor over. Its elements may change afterwards.
func (s *Spool) Add(t Tensor) error {
	if _, err := header(nil, []Tensor{t}); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	n := &counter{w: s.buffer}
	if err := WriteData(n, t, s.scratch); err != nil {
		return fmt.Errorf("safetensors: %s: %w", t.Name, err)
	}
	begin := s.end
	s.end += n.bytes
	s.tensors = append(s.tensors, Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape, Stream: func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(s.file, begin, n.bytes))
		return err
	}})
	return nil
}

// Tensors returns what was added, to be written with [Write] before Close.
func (s *Spool) Tensors() ([]Tensor, error) {
	if err := s.buffer.Flush(); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return s.tensors, nil
}

// Close removes the scratch file.
func (s *Spool) Close() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"ranklab/internal/atomicfile"
	"ranklab/internal/failpoint"
)

// A lineFile is a file of JSON lines that only grows, except when a resumed
// run cuts it back.
type lineFile struct {
	file *os.File
	size int64
}

// openLines opens a line file for appending and drops a last line that has no
// end: its process died while writing it. start is how every line begins. A
// file without any line end is a torn first line only if it begins like one;
// otherwise it is something else, and an error rather than lost. What is longer
// than a torn line is cut off too, but stays in a copy, PATH.damaged.
func openLines(path, start string) (*lineFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	l := &lineFile{file: f}
	if l.size, err = completeLines(f); err == nil && l.size == 0 {
		err = tornOnly(f, start)
	}
	if err == nil {
		err = keepLong(f, l.size)
	}
	if err == nil {
		err = f.Truncate(l.size)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// completeLines returns the offset behind the last line end.
func completeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 4096)
	for end := info.Size(); end > 0; {
		start := max(0, end-int64(len(block)))
		b := block[:end-start]
		if _, err := f.ReadAt(b, start); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// tornOnly makes sure that a file without a line end is empty or holds the
// beginning of a line.
func tornOnly(f *os.File, start string) error {
	head := make([]byte, len(start))
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !strings.HasPrefix(start, string(head[:n])) {
		return errors.New("the file holds something, but no row: it was damaged, or written by another program; move it away to begin the rows anew")
	}
	return nil
}

// maxTorn is the longest line that a killed process may have left without its
// end. Rows are shorter by far.
const maxTorn = 64 << 10

// keepLong copies a file to PATH.damaged when more than a torn line is about to
// be cut off behind size.
func keepLong(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size()-size <= maxTorn {
		return err
	}
	return atomicfile.WriteFunc(f.Name()+".damaged", func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(f, 0, info.Size()))
		return err
	})
}

// inPlace makes sure that the file is still the one at its path.
func (l *lineFile) inPlace() error {
	open, err := l.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.file.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(open, there) {
		return fmt.Errorf("%s is another file now", l.file.Name())
	}
	return nil
}

// append writes one row with a single call. When the disk is full the torn
// line is taken back, so that a later row does not continue it.
func (l *lineFile) append(row any) error {
	line, err := encodeJSON(row, "")
	if err != nil {
		return fmt.Errorf("%s: %w", l.file.Name(), err)
	}
	failpoint.Here("row due")
	if _, err := l.file.WriteAt(line, l.size); err != nil {
		l.file.Truncate(l.size) // the write error says what is wrong
		return err
	}
	failpoint.Here("row written")
	l.size += int64(len(line))
	return nil
}

// A ShortError says that rows which a checkpoint counts on are missing. An
// older checkpoint may need fewer.
type ShortError struct {
	Path string
	Want int64 // bytes that the checkpoint counts on
	Have int64 // bytes in complete lines
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("%s holds %d of the %d bytes of rows that the checkpoint counts on", e.Path, e.Have, e.Want)
}

func (l *lineFile) truncate(offset int64) error {
	if offset < 0 {
		return fmt.Errorf("%s: cannot cut back to byte %d", l.file.Name(), offset)
	}
	if offset > l.size {
		return &ShortError{Path: l.file.Name(), Want: offset, Have: l.size}
	}
	if offset > 0 {
		var last [1]byte
		if _, err := l.file.ReadAt(last[:], offset-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			return fmt.Errorf("%s: byte %d is inside a line: the file is not the one the checkpoint was made with", l.file.Name(), offset)
		}
	}
	if err := l.file.Truncate(offset); err != nil {
		return err
	}
	l.size = offset
	return l.file.Sync()
}

// readMetrics parses rows.
func readMetrics(r io.Reader) (m Metrics, err error) {
	err = readLines(r, m.add)
	return m, err
}

// readLines hands over the lines that r holds. A last line without an end is
// still being written, or was torn by a crash, and is left out; a line that add
// does not take is an error with its number.
func readLines(r io.Reader, add func(line []byte) error) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		line, rest, complete := bytes.Cut(data, []byte("\n"))
		if !complete {
			return nil
		}
		data = rest
		if err := add(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func (m *Metrics) add(line []byte) error {
	var kind struct {
		K string `json:"k"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return err
	}
	switch kind.K {
	case trainKind:
		return appendRow(&m.Train, line)
	case evalKind:
		var row EvalRow
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		if row.Split == Select {
			m.Select = append(m.Select, row)
		} else {
			m.Eval = append(m.Eval, row)
		}
		return nil
	case eventKind:
		return appendRow(&m.Events, line)
	}
	return fmt.Errorf("unknown kind of row %q", kind.K)
}

func appendRow[Row any](rows *[]Row, line []byte) error {
	var row Row
	if err := json.Unmarshal(line, &row); err != nil {
		return err
	}
	*rows = append(*rows, row)
	return nil
}

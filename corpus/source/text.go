package source

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// pieceBytes bounds a document of the text source: a longer file is read as
// several documents, so that one long book can still be split into training
// and validation documents.
const pieceBytes = 64 << 10

// A file is one input file with the name that its documents carry.
type file struct {
	name, path string
	size       int64
	modified   time.Time
}

// TextFiles are text files, named or found below folders (hidden entries,
// those starting with a dot, are skipped), in bytewise order of their
// slash-separated path relative to the folder. Files with a NUL byte are
// taken for binary and skipped.
//
// A file of at most 64 KiB is one document. A longer one is cut, at most
// every 64 KiB, after the last blank line in the second half of the piece,
// else after the last line end there, else between two characters; its
// pieces are named "path#0", "path#1", ….
type TextFiles struct{ files []file }

// NewTextFiles lists files and folders.
func NewTextFiles(paths []string) (*TextFiles, error) {
	files, err := listFiles(paths, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no files in %s", strings.Join(paths, ", "))
	}
	return &TextFiles{files}, nil
}

// listFiles lists the regular files among and below paths that want accepts
// by their base name, ordered by name, then by order of the paths. Files that
// are named themselves are always wanted.
func listFiles(paths []string, want func(base string) bool) ([]file, error) {
	if len(paths) == 0 {
		return nil, errors.New("no paths are named: give a folder or a list of files")
	}
	var files []file
	add := func(name, path string, info fs.FileInfo) {
		files = append(files, file{name, path, info.Size(), info.ModTime()})
	}
	for _, root := range paths {
		info, err := os.Stat(root)
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			add(filepath.Base(root), root, info)
			continue
		}
		if !info.IsDir() { // a device or a pipe cannot be read twice
			return nil, fmt.Errorf("%s is neither a file nor a folder", root)
		}
		// The slash makes WalkDir enter a root that is a symbolic link.
		err = filepath.WalkDir(root+string(filepath.Separator), func(p string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil || rel == "." {
				return err
			}
			if strings.HasPrefix(entry.Name(), ".") {
				if entry.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
			if !entry.Type().IsRegular() || !want(entry.Name()) {
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			add(filepath.ToSlash(rel), p, info)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// fingerprint hashes names, places, sizes and modification times.
func fingerprint(kind string, files []file) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n", kind)
	now := time.Now()
	for _, f := range files {
		if now.Sub(f.modified) < settled {
			return ""
		}
		abs, err := filepath.Abs(f.path)
		if err != nil {
			return ""
		}
		fmt.Fprintf(h, "%q %q %d %d\n", f.name, abs, f.size, f.modified.UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil))
}

func totalSize(files []file) int64 {
	var n int64
	for _, f := range files {
		n += f.size
	}
	return n
}

// Size implements [Source].
func (t *TextFiles) Size() int64 { return totalSize(t.files) }

// Fingerprint implements [Source].
func (t *TextFiles) Fingerprint() string { return fingerprint("text", t.files) }

// Walk implements [Source].
func (t *TextFiles) Walk(ctx context.Context, yield func(Document) error) (Drops, error) {
	drops := make(Drops)
	var before int64
	for _, f := range t.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		reason, err := readText(ctx, f, before, yield)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			drops[reason]++
		}
		before += f.size
	}
	return drops, nil
}

// readText yields the documents of one file, or says why there are none.
func readText(ctx context.Context, f file, before int64, yield func(Document) error) (reason string, err error) {
	in, err := os.Open(f.path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	buf := make([]byte, pieceBytes+1)
	binary, err := hasNUL(in, buf)
	if err != nil {
		return "", fmt.Errorf("%s: %w", f.path, err)
	}
	if binary {
		return Binary, nil
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	reason = Empty
	var consumed int64
	for piece, n := 0, 0; ; piece++ { // buf[:n] is read and not yet yielded
		if err := ctx.Err(); err != nil {
			return "", err
		}
		m, err := io.ReadFull(in, buf[n:])
		n += m
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return "", fmt.Errorf("%s: %w", f.path, err)
		}
		cut, name := n, f.name
		if n > pieceBytes {
			cut, last = cutPiece(buf[:pieceBytes]), false
		}
		if piece > 0 || n > pieceBytes {
			name = fmt.Sprintf("%s#%d", f.name, piece)
		}
		consumed += int64(cut)
		if text := buf[:cut]; len(bytes.TrimSpace(text)) > 0 {
			reason = ""
			if err := yield(Document{Name: name, Text: bytes.Clone(text), Read: before + consumed}); err != nil {
				return "", err
			}
		}
		n = copy(buf, buf[cut:n])
		if last {
			return reason, nil
		}
	}
}

// cutPiece returns where a full buffer of a longer text is cut.
func cutPiece(text []byte) int {
	half := len(text) / 2
	for _, end := range [...]string{"\n\n", "\n"} {
		if i := bytes.LastIndex(text[half:], []byte(end)); i >= 0 {
			return half + i + len(end)
		}
	}
	cut := len(text)
	for back := 1; back < utf8.UTFMax; back++ {
		if utf8.RuneStart(text[cut-back]) {
			if !utf8.FullRune(text[cut-back:]) {
				cut -= back
			}
			break
		}
	}
	return cut
}

func hasNUL(r io.Reader, buf []byte) (bool, error) {
	for {
		n, err := r.Read(buf)
		if bytes.IndexByte(buf[:n], 0) >= 0 {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

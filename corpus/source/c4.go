package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// maxLine bounds one line of a shard: longer ones mean that the file is not
// what it seems. A few lines per processor are in memory at a time.
const maxLine = 16 << 20

// A gzip file can hold a thousand times its size. Text expands a few times; a
// shard that expands further than this, beyond a first piece, is no text, and
// could fill any disk.
const (
	maxExpansion = 100
	firstPiece   = 8 << 20
)

// C4Shards are local *.json.gz shards as published at allenai/c4: one JSON
// object per line, whose "text" is the document. Where the folders hold both
// c4-train.* and c4-validation.* shards, these are the split; otherwise the
// hash of the text decides. A document is named "shard:line".
type C4Shards struct {
	files []file
	split bool
	other int
}

// NewC4Shards lists the shards in folders (or named themselves).
func NewC4Shards(paths []string) (*C4Shards, error) {
	files, err := listFiles(paths, func(base string) bool { return strings.HasSuffix(base, ".json.gz") })
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.json.gz shards in %s", strings.Join(paths, ", "))
	}
	c := &C4Shards{files: files}
	var train, validation int
	for _, f := range files {
		switch shardPart(f.name) {
		case Train:
			train++
		case Validation:
			validation++
		}
	}
	if c.split = train > 0 && validation > 0; c.split {
		c.files = nil
		for _, f := range files {
			if shardPart(f.name) == Any {
				c.other++
				continue
			}
			c.files = append(c.files, f)
		}
	}
	return c, nil
}

func shardPart(name string) Part {
	base := path.Base(name)
	switch {
	case strings.HasPrefix(base, "c4-train."):
		return Train
	case strings.HasPrefix(base, "c4-validation."):
		return Validation
	}
	return Any
}

// OwnSplit reports whether the shards come with a validation split.
func (c *C4Shards) OwnSplit() bool { return c.split }

// Size implements [Source]: compressed bytes.
func (c *C4Shards) Size() int64 { return totalSize(c.files) }

// Fingerprint implements [Source].
func (c *C4Shards) Fingerprint() string { return fingerprint("c4", c.files) }

// Walk implements [Source].
func (c *C4Shards) Walk(ctx context.Context, yield func(Document) error) (Drops, error) {
	drops := make(Drops)
	if c.other > 0 {
		drops[OtherShard] = c.other
	}
	var before int64
	for _, f := range c.files {
		part := Any
		if c.split {
			part = shardPart(f.name)
		}
		if err := readShard(ctx, f, part, before, drops, yield); err != nil {
			return nil, err
		}
		before += f.size
	}
	return drops, nil
}

func readShard(ctx context.Context, f file, part Part, before int64, drops Drops, yield func(Document) error) error {
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	counted := &countingReader{r: in}
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(counted, 1<<18))
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	expanded := &countingReader{r: unzipped}
	lines := bufio.NewReaderSize(expanded, 1<<20)
	var long []byte
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := readLine(lines, &long)
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s, line %d: %w", f.path, number, err)
		}
		if expanded.n > firstPiece+maxExpansion*counted.n {
			return fmt.Errorf("%s, line %d: the file expands more than %d times: it is not a shard of text", f.path, number, maxExpansion)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			var object struct{ Text *string }
			if err := json.Unmarshal(line, &object); err != nil {
				return fmt.Errorf("%s, line %d: %w", f.path, number, err)
			}
			if object.Text == nil {
				return fmt.Errorf("%s, line %d: the object has no \"text\"", f.path, number)
			}
			if strings.TrimSpace(*object.Text) == "" {
				drops[Empty]++
			} else if err := yield(Document{
				Name: fmt.Sprintf("%s:%d", f.name, number), Text: []byte(*object.Text),
				Part: part, ByText: true, Read: before + counted.n,
			}); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// readLine returns the next line, in the reader's own buffer when it fits,
// else gathered in *long. The last line comes with io.EOF.
func readLine(r *bufio.Reader, long *[]byte) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	*long = append((*long)[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(*long) > maxLine {
			return nil, fmt.Errorf("the line is longer than %d MiB", maxLine>>20)
		}
		line, err = r.ReadSlice('\n')
		*long = append(*long, line...)
	}
	return *long, err
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

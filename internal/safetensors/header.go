package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// parseHeader fills the file from its JSON header and checks that the byte
// ranges tile the data section of dataBytes bytes exactly.
func (f *File) parseHeader(head []byte, dataBytes int64) error {
	if len(head) == 0 || head[0] != '{' {
		return errors.New("does not start with {")
	}
	if !utf8.Valid(head) {
		return errors.New("not valid UTF-8")
	}
	f.entries = make(map[string]entry)
	dec := json.NewDecoder(bytes.NewReader(head))
	dec.UseNumber()
	err := object(dec, func(name string) (err error) {
		if name == metadataKey {
			f.metadata, err = parseMetadata(dec)
			return err
		}
		e, err := parseEntry(dec)
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if e.end > dataBytes {
			return fmt.Errorf("%q: ends at byte %d of %d", name, e.end, dataBytes)
		}
		f.entries[name] = e
		f.names = append(f.names, name)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("text after the closing }")
	}
	slices.SortFunc(f.names, func(a, b string) int {
		x, y := f.entries[a], f.entries[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), cmp.Compare(a, b))
	})
	var at int64
	for _, name := range f.names {
		if e := f.entries[name]; e.begin != at {
			return fmt.Errorf("%q: begins at byte %d, the data before it ends at %d", name, e.begin, at)
		}
		at = f.entries[name].end
	}
	if at != dataBytes {
		return fmt.Errorf("the tensors end at byte %d of %d", at, dataBytes)
	}
	return nil
}

// object reads one JSON object from dec and calls value for each key, which
// must consume the value. A repeated key is an error.
func object(dec *json.Decoder, value func(key string) error) error {
	if t, err := dec.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("expected an object, found %v", t)
	}
	seen := make(map[string]bool)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("expected a key, found %v", t)
		}
		if seen[key] {
			return fmt.Errorf("key %q appears twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func parseMetadata(dec *json.Decoder) (map[string]string, error) {
	m := make(map[string]string)
	err := object(dec, func(key string) error {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		s, ok := t.(string)
		if !ok {
			return fmt.Errorf("metadata %q is not a string", key)
		}
		m[key] = s
		return nil
	})
	return m, err
}

func parseEntry(dec *json.Decoder) (e entry, err error) {
	var offsets []int
	var fields int
	err = object(dec, func(key string) error {
		fields++
		switch key {
		case "dtype":
			t, err := dec.Token()
			if err != nil {
				return err
			}
			s, ok := t.(string)
			if !ok {
				return errors.New("dtype is not a string")
			}
			e.dtype = DType(s)
			return nil
		case "shape":
			e.shape, err = integers(dec)
			return err
		case "data_offsets":
			offsets, err = integers(dec)
			return err
		}
		return fmt.Errorf("unknown key %q", key)
	})
	if err != nil {
		return e, err
	}
	if fields != 3 || len(offsets) != 2 {
		return e, errors.New("needs dtype, shape and two data_offsets")
	}
	e.begin, e.end = int64(offsets[0]), int64(offsets[1])
	if e.end < e.begin {
		return e, fmt.Errorf("data_offsets %v run backwards", offsets)
	}
	n, err := byteLength(e.dtype, e.shape)
	if err != nil {
		return e, err
	}
	if n != e.end-e.begin {
		return e, fmt.Errorf("%s %v needs %d bytes, data_offsets %v hold %d", e.dtype, e.shape, n, offsets, e.end-e.begin)
	}
	return e, nil
}

// integers reads a JSON list of non-negative integers.
func integers(dec *json.Decoder) ([]int, error) {
	if t, err := dec.Token(); err != nil {
		return nil, err
	} else if t != json.Delim('[') {
		return nil, fmt.Errorf("expected a list, found %v", t)
	}
	list := []int{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("expected an integer, found %v", t)
		}
		n, err := number.Int64()
		if err != nil || n < 0 || int64(int(n)) != n {
			return nil, fmt.Errorf("%v is not an integer in range", number)
		}
		list = append(list, int(n))
	}
	_, err := dec.Token()
	return list, err
}

package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func gz(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func lines(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		line, _ := json.Marshal(map[string]string{"url": "http://x", "text": text, "timestamp": "2020"})
		b.Write(line)
		b.WriteByte('\n')
	}
	return gz(b.String())
}

func TestC4Shards(t *testing.T) {
	long := strings.Repeat("long line ", 500_000) // longer than any buffer
	dir := folder(t, map[string]string{
		"c4-validation.00000-of-00008.json.gz":  lines("held out"),
		"en/c4-train.00000-of-01024.json.gz":    lines("one", " \n", long),
		"c4-train.00001-of-01024.json.gz":       strings.TrimSuffix(lines("two é\u0000"), "\n"),
		"extra.json.gz":                         lines("other"),
		"c4-train.00002-of-01024.json.gz.part":  "not a shard",
		"c4-train.00003-of-01024.json":          "not a shard",
		".c4-train.00004-of-01024.json.gz":      "hidden",
		"c4-train.00005-of-01024.json.gz/no.gz": "below a folder with the name of a shard",
	})
	s, err := NewC4Shards([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	documents, drops := collect(t, s)
	want := []string{
		"c4-train.00001-of-01024.json.gz:1", "c4-validation.00000-of-00008.json.gz:1",
		"en/c4-train.00000-of-01024.json.gz:1", "en/c4-train.00000-of-01024.json.gz:3",
	}
	if got := names(documents); !slices.Equal(got, want) {
		t.Errorf("documents %q, want %q", got, want)
	}
	for i, text := range []string{"two é\u0000", "held out", "one", long} {
		if string(documents[i].Text) != text || !documents[i].ByText {
			t.Errorf("%s is %.40q", documents[i].Name, documents[i].Text)
		}
		if part := documents[i].Part; part != map[bool]Part{true: Validation, false: Train}[i == 1] {
			t.Errorf("%s is in part %d", documents[i].Name, part)
		}
	}
	if want := (Drops{Empty: 1, OtherShard: 1}); !s.OwnSplit() || !maps.Equal(drops, want) {
		t.Errorf("left out %v, want %v", drops, want)
	}

	s, err = NewC4Shards([]string{dir + "/en", dir + "/extra.json.gz"})
	if err != nil {
		t.Fatal(err)
	}
	if documents, _ := collect(t, s); s.OwnSplit() || len(documents) != 3 || documents[0].Part != Any {
		t.Errorf("training shards alone: own split %v, documents %q", s.OwnSplit(), names(documents))
	}
}

func TestC4Errors(t *testing.T) {
	good := lines("one", "two")
	for name, c := range map[string]struct{ content, want string }{
		"not gzip":  {"hello", "x.json.gz"},
		"cut":       {good[:len(good)-12], "x.json.gz, line"},
		"not JSON":  {gz("{\"text\":\"a\"}\n{oops\n"), "line 2"},
		"no text":   {gz("\n{\"url\":\"a\"}\n"), "line 2: the object has no \"text\""},
		"text type": {gz("{\"text\":3}\n"), "line 1"},
	} {
		s, err := NewC4Shards([]string{folder(t, map[string]string{"x.json.gz": c.content})})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Walk(context.Background(), func(Document) error { return nil })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := NewC4Shards([]string{folder(t, map[string]string{"a.txt": "x"})}); err == nil {
		t.Error("a folder without shards was accepted")
	}
}

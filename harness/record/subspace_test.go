package record

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// subspaceRows are one refresh, of which some numbers are not defined, and a look
// at the basis later.
func subspaceRows(step int) []SubspaceRow {
	nan := Float(math.NaN())
	return []SubspaceRow{
		{Step: step, Layer: 1, Module: "q_proj", Side: "right", Rank: 4, Dim: 16, Captured: 0.5, CapturedOld: nan, CapturedBest: 0.75,
			Overlap: nan, SplitOverlap: 0, EffectiveRank: 3, StableRank: 2, Retention: nan, Staleness: nan, Orthogonality: 1e-7, Residual: 0.5, NonFinite: 2, Kept: true},
		{Step: step + 1, Layer: 1, Module: "q_proj", Side: "right", Rank: 4, Dim: 16, After: 1, Captured: 0.25, CapturedOld: nan, CapturedBest: nan,
			Overlap: nan, SplitOverlap: nan, EffectiveRank: nan, StableRank: nan, Retention: nan, Staleness: nan, Orthogonality: nan, Residual: nan},
	}
}

// Rows come back as they were written, a zero as a zero and what is not defined
// as NaN. There is no file without a row.
func TestSubspaceRowsRoundTrip(t *testing.T) {
	w := open(t, t.TempDir())
	path := filepath.Join(w.Dir(), subspaceFile)
	must(t, w.Subspace(nil))
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file without rows: %v", err)
	}
	want := subspaceRows(1)
	must(t, w.Subspace(want), w.Close())
	r, err := Read(w.Dir())
	must(t, err)
	got, err := r.Subspace()
	must(t, err)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b Float) bool { return a == b || a != a && b != b })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	fields, err := r.SubspaceFields()
	must(t, err)
	if len(fields) != 2 || fields[1].Step != 2 || string(fields[1].Fields["captured"]) != "0.25" || len(fields[1].Fields) != 8 || string(fields[0].Fields["overlap"]) != "null" {
		t.Errorf("%+v", fields)
	}
	if got[0].Chance() != 0.25 {
		t.Errorf("chance %v", got[0].Chance())
	}
}

// A resumed run cuts the rows back to its checkpoint, ends with the bytes of one
// that was not interrupted, and a torn line is none.
func TestSubspaceRowsAreCutBack(t *testing.T) {
	straight, resumed := open(t, t.TempDir()), open(t, t.TempDir())
	must(t, straight.Subspace(subspaceRows(1)), straight.Subspace(subspaceRows(5)), straight.Close())
	must(t, resumed.Subspace(subspaceRows(1)))
	mark, err := resumed.Mark()
	must(t, err)
	if mark.Subspace == 0 {
		t.Fatal("the mark does not count the rows")
	}
	must(t, mark.In(resumed.Dir()), resumed.Subspace(subspaceRows(3)))
	_, err = resumed.subspace.file.WriteAt([]byte(`{"step":`), resumed.subspace.size)
	must(t, err, resumed.Close())

	root := filepath.Dir(filepath.Dir(resumed.Dir()))
	copied := t.TempDir()
	must(t, CopyRows(resumed.Dir(), copied, mark), mark.In(copied))

	again := open(t, root)
	must(t, again.TruncateTo(mark), again.Subspace(subspaceRows(5)), again.Close())
	want, err := os.ReadFile(filepath.Join(straight.Dir(), subspaceFile))
	must(t, err)
	got, err := os.ReadFile(filepath.Join(again.Dir(), subspaceFile))
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}

	// A change before the mark is seen, and so is a loss.
	must(t, os.WriteFile(filepath.Join(again.Dir(), subspaceFile), bytes.Replace(got, []byte("0.5"), []byte("0.6"), 1), 0o666))
	if err := mark.In(again.Dir()); err == nil || !strings.Contains(err.Error(), "have changed") {
		t.Errorf("changed rows: %v", err)
	}
	must(t, os.Remove(filepath.Join(again.Dir(), subspaceFile)))
	var short *ShortError
	if err := mark.In(again.Dir()); !errors.As(err, &short) {
		t.Errorf("lost rows: %v", err)
	}
	last := open(t, root)
	if err := last.TruncateTo(mark); !errors.As(err, &short) {
		t.Errorf("cut back to lost rows: %v", err)
	}
	must(t, last.TruncateTo(Mark{}), last.Close())
}

// The mark of a run without such rows is what it was before there were any.
func TestMarkWithoutSubspaceRows(t *testing.T) {
	data, err := encodeJSON(Mark{Metrics: 1, Digests: 2, Rows: "x"}, "")
	must(t, err)
	if want := `{"metrics_bytes":1,"digests_bytes":2,"rows_sha256":"x"}` + "\n"; string(data) != want {
		t.Errorf("%s, want %s", data, want)
	}
}

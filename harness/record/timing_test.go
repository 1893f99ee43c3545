package record

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTimingOfAllAttempts(t *testing.T) {
	r := Run{Dir: t.TempDir()}
	if rows, err := r.Timing(); err != nil || rows != nil {
		t.Errorf("no attempts: %v, %v", rows, err)
	}
	for name, text := range map[string]string{
		"0001": `{"step":10,"elapsed_s":1.5}` + "\n" + `{"step":20,"elapsed_s":3}` + "\n" + `{"step":30,"el`, // killed while writing
		"0002": `{"step":20,"elapsed_s":3.5,"tokens_per_second":7}` + "\n",
		"0003": "",
	} {
		dir := filepath.Join(r.Dir, "attempts", name)
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, timingFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := r.Timing()
	want := []TimingRow{{Step: 10, ElapsedS: 1.5}, {Step: 20, ElapsedS: 3}, {Step: 20, ElapsedS: 3.5, TokensPerSecond: 7}}
	if d := cmp.Diff(want, rows); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

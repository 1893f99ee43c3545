package export

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// writableRecords reports a folder that holds files which no export in this format
// wrote. It returns what an earlier one says of itself; nil if there is none.
func writableRecords(dir, format string, force bool) (earlier *RecordManifest, err error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, manifestFile))
	var m RecordManifest
	switch {
	case err == nil && json.Unmarshal(text, &m) == nil && m.Format == format:
		return &m, nil
	case force:
		return nil, nil
	}
	return nil, fmt.Errorf("%s is not empty and holds no earlier export to %s (%s): choose another folder with -o, or --force to write into it; other files stay", dir, format, manifestFile)
}

func nan() float64 { return math.NaN() }

// plainText writes a value in full: what is missing, or not finite, as nothing.
func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		if !record.Float(v).Finite() {
			return ""
		}
		return view.Number(v)
	}
	if text, err := json.Marshal(v); err == nil {
		return string(text)
	}
	return fmt.Sprint(v)
}

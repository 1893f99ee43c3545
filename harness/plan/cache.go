package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"ranklab/internal/atomicfile"
	"ranklab/internal/bounded"
)

// calibrationFile is the file of the cache folder that holds all calibrations.
const calibrationFile = "calibration.json"

// maxCacheBytes bounds it: a calibration takes less than a KiB.
const maxCacheBytes = 16 << 20

// A cache keeps calibrations between plans, in one file.
type cache struct {
	path    string
	entries map[string]entry
}

// An entry is a calibration and what it is one of, for people who read the
// file.
type entry struct {
	Machine machine `json:"machine"`
	Of      string  `json:"of"`
	// Gemm is the speed of a matrix product when it was made, FLOP/s.
	Gemm float64 `json:"gemm"`
	At   string  `json:"at"` // RFC 3339
	Calibration
}

// disturbed is the ratio of two speeds of a matrix product from which on another
// program was at work during the slower one.
const disturbed = 1.25

// wasDisturbed reports whether the machine is so much faster now that the
// calibration was made beside another program. It is made again, then.
func (e entry) wasDisturbed(gemm float64) bool { return gemm > disturbed*e.Gemm }

// isDisturbed reports whether another program is at work now. The calibration
// says what the machine can do without it.
func (e entry) isDisturbed(gemm float64) bool { return e.Gemm > disturbed*gemm }

// cacheContent is what the file holds.
type cacheContent struct {
	Schema  int              `json:"schema"`
	Entries map[string]entry `json:"entries"` // by key
}

// openCache reads the calibrations in a folder. A file that cannot be read as
// such counts as none, and note says so.
func openCache(folder string) (c *cache, note string) {
	c = &cache{path: filepath.Join(folder, calibrationFile), entries: map[string]entry{}}
	data, err := bounded.ReadFile(c.path, maxCacheBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return c, ""
	}
	var version struct{ Schema int }
	var content cacheContent
	if err == nil {
		err = json.Unmarshal(data, &version)
	}
	if err == nil && version.Schema != calibrationSchema { // of another version of the program
		return c, ""
	}
	if err == nil {
		err = json.Unmarshal(data, &content)
	}
	if err != nil {
		return c, fmt.Sprintf("the calibrations in %s cannot be read and are made again: %v", c.path, err)
	}
	damaged := 0
	for key, e := range content.Entries {
		if !e.valid() {
			damaged++
			continue
		}
		c.entries[key] = e
	}
	if damaged > 0 {
		note = fmt.Sprintf("%d calibrations in %s make no sense and are made again", damaged, c.path)
	}
	return c, note
}

// put adds a calibration and stores the file, with what other plans have put there
// since it was read.
func (c *cache) put(key string, e entry) error {
	now, _ := openCache(filepath.Dir(c.path))
	maps.Copy(c.entries, now.entries)
	c.entries[key] = e
	data, err := json.MarshalIndent(cacheContent{calibrationSchema, c.entries}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o777); err != nil {
		return err
	}
	return atomicfile.Write(c.path, append(data, '\n'))
}

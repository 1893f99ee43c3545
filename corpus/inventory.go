package corpus

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"ranklab/corpus/bpe"
	"ranklab/internal/bounded"
	"ranklab/internal/lockfile"
	"ranklab/internal/machine"
)

// The kinds of what the cache holds.
const (
	StoredText   = "text"   // which documents of a source are kept, and their split: text/KEY.json
	StoredBPE    = "bpe"    // a vocabulary: bpe/KEY.json
	StoredTokens = "tokens" // both splits as tokens: tokens/KEY/
	StoredNgrams = "ngrams" // losses of n-gram models: ngrams/KEY.json
)

// A Stored is one thing in the cache folder.
type Stored struct {
	Kind  string
	Key   string
	Path  string // of the file or folder, below the cache folder
	Bytes int64
	// Unused says why nothing in the cache can lead to it any more. It is empty
	// for what is in use, and for what cannot be judged.
	Unused string
}

// storedKey is how entries are named.
var storedKey = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Inventory lists what a cache folder holds; a folder that does not exist holds
// nothing. What has another name than entries have is not listed.
func Inventory(dir string) ([]Stored, error) {
	var all []Stored
	for _, kind := range []string{StoredText, StoredBPE, StoredTokens, StoredNgrams} {
		entries, err := os.ReadDir(filepath.Join(dir, kind))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			key := e.Name()
			if kind == StoredTokens {
				if !e.IsDir() {
					continue
				}
			} else if base, isJSON := strings.CutSuffix(key, ".json"); isJSON && e.Type().IsRegular() {
				key = base
			} else {
				continue
			}
			if storedKey.MatchString(key) {
				s := Stored{Kind: kind, Key: key, Path: filepath.Join(kind, e.Name())}
				s.Bytes, err = machine.BytesBelow(filepath.Join(dir, s.Path))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return nil, err
				}
				all = append(all, s)
			}
		}
	}
	return all, judge(dir, all)
}

// judge follows the cache from texts to vocabularies and tokens.
func judge(dir string, all []Stored) error {
	train, data := map[string]bool{}, map[string]bool{} // digests of the texts that are cached
	for i := range all {
		if all[i].Kind != StoredText {
			continue
		}
		var s struct {
			Manifest struct {
				FilterVersion int    `json:"filter_version"`
				TrainDigest   string `json:"train_digest"`
				Digest        string `json:"digest"`
			} `json:"manifest"`
		}
		found, err := loadJSON(filepath.Join(dir, all[i].Path), &s, anything)
		switch {
		case err != nil:
			return err
		case !found: // it will be replaced
		case s.Manifest.FilterVersion < FilterVersion:
			all[i].Unused = fmt.Sprintf("made by filters of version %d, which version %d has replaced", s.Manifest.FilterVersion, FilterVersion)
		default:
			train[s.Manifest.TrainDigest], data[s.Manifest.Digest] = true, true
		}
	}
	for i := range all {
		s, path := &all[i], filepath.Join(dir, all[i].Path)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && time.Since(info.ModTime()) < fresh {
			continue
		}
		switch {
		case err != nil:
		case s.Kind == StoredBPE:
			s.Unused, err = unusedVocabulary(path, train)
		case s.Kind == StoredTokens:
			s.Unused, err = unusedTokens(path, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fresh is the age below which a vocabulary or tokens may be of a text that is
// not cached yet, or under construction.
const fresh = time.Hour

func unusedVocabulary(path string, train map[string]bool) (why string, err error) {
	data, err := bounded.ReadFile(path, maxCacheBytes)
	if errors.Is(err, fs.ErrNotExist) { // removed since it was listed
		return "", nil
	}
	var f struct {
		TrainerVersion int    `json:"trainer_version"`
		Text           string `json:"text"`
	}
	switch {
	case err != nil:
		return "", err
	case json.Unmarshal(data, &f) != nil || f.Text == "":
		return "", nil
	case f.TrainerVersion < bpe.TrainerVersion:
		return fmt.Sprintf("made by trainer version %d, which version %d has replaced", f.TrainerVersion, bpe.TrainerVersion), nil
	case !train[f.Text]:
		return "its text is not cached any more", nil
	}
	return "", nil
}

func unusedTokens(dir string, data map[string]bool) (why string, err error) {
	var c shardCounts
	found, err := loadJSON(filepath.Join(dir, "counts.json"), &c, anything)
	switch {
	case err != nil:
		return "", err
	case !found:
		return "never completed", nil
	case c.Text != "" && !data[c.Text]:
		return "its text is not cached any more", nil
	}
	return "", nil
}

// TryLock takes the lock under which a thing in the cache is built, and reports
// false while somebody builds it.
func (s Stored) TryLock(dir string) (unlock func() error, ok bool, err error) {
	locks := filepath.Join(dir, "locks")
	if err := os.MkdirAll(locks, 0o755); err != nil {
		return nil, false, err
	}
	l := lockfile.New(filepath.Join(locks, s.Kind+"-"+s.Key+".lock"))
	ok, err = l.TryLock()
	return l.Close, ok, err
}

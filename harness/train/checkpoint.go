package train

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/internal/atomicfile"
	"ranklab/internal/bounded"
	"ranklab/internal/failpoint"
	"ranklab/internal/safetensors"
	"ranklab/tensor"
)

// A checkpoint is a folder ckpt/step-0000240 with
//
//	model.safetensors   every parameter, adapters included
//	state.safetensors   every buffer of the method's state
//	state.json          a position; also the SHA-256 of the two files
//
// It is written as a hidden folder and renamed when everything is on disk. It
// is complete if state.json is there and the sums match.

// A position is where a run stands between two updates.
type position struct {
	Step        int     `json:"step"` // updates applied
	TokensSeen  int64   `json:"tokens_seen"`
	Positions   int64   `json:"positions"`
	record.Mark         // of the rows that were written before
	TrainS      float64 `json:"train_seconds"`
	EvalS       float64 `json:"eval_seconds"`
	RefreshS    float64 `json:"refresh_seconds"`
	// CheckpointS does not know yet of the checkpoint that it is written to.
	CheckpointS float64 `json:"checkpoint_seconds,omitempty"`
	SetupS      float64 `json:"setup_seconds,omitempty"`
	// DiagnosticsS is no part of TrainS.
	DiagnosticsS float64 `json:"diagnostics_seconds,omitempty"`
	// WaitedS is thread-seconds of all the others.
	WaitedS float64 `json:"waited_seconds,omitempty"`
	// Threads is that of all attempts so far; -1 if they had not the same.
	Threads int `json:"threads,omitempty"`
	// LogEvery and DigestEvery are those of the rows that were written before. The
	// rest of the run keeps them.
	LogEvery    int `json:"log_every,omitempty"`
	DigestEvery int `json:"digest_every,omitempty"`

	Sums map[string]string `json:"sha256"`      // of the two files beside this one
	Self string            `json:"self_sha256"` // of this file without white space, this field being empty
}

// file returns the content of state.json and sets Self.
func (p *position) file() ([]byte, error) {
	p.Self = ""
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, err
	}
	if p.Self, err = positionSum(data); err != nil {
		return nil, err
	}
	data, err = json.MarshalIndent(p, "", "  ")
	return append(data, '\n'), err
}

var selfField = regexp.MustCompile(`"self_sha256":"[0-9a-f]*"`)

// positionSum returns what Self is in the content of a state.json unless a bit
// has flipped. It takes the file as it is, since a program that writes more
// fields than this one knows may have written it.
func positionSum(file []byte) (string, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, file); err != nil {
		return "", err
	}
	sum := sha256.Sum256(selfField.ReplaceAll(compact.Bytes(), []byte(`"self_sha256":""`)))
	return hex.EncodeToString(sum[:]), nil
}

const (
	modelFile = "model.safetensors"
	stateFile = "state.safetensors"
	metaFile  = "state.json"
)

// checkpointDir is the folder of checkpoints in that of a run.
const checkpointDir = "ckpt"

// CheckpointDir returns the folder of checkpoints in that of a run.
func CheckpointDir(run string) string { return filepath.Join(run, checkpointDir) }

// Prefixes of the folders under ckpt.
const (
	goodPrefix    = "step-"
	writingPrefix = ".writing-"
	damagedPrefix = "damaged-"
)

// Checkpoints returns how many checkpoints of a run that is not interrupted lie on
// disk: at most while it trains, with the one that is being written, and when it
// is done.
func Checkpoints(t spec.Train) (training, done int) {
	written := 1 // at the end
	if t.CheckpointEvery > 0 {
		written = (t.Steps + t.CheckpointEvery - 1) / t.CheckpointEvery
	}
	done = 1 + t.KeepCheckpoints
	return min(written, whileTraining(t)+1), min(written, done)
}

// saveCheckpoint writes the run as it stands at pos under dir (the run's ckpt
// folder) and removes all but the newest keep checkpoints. No checkpoint of a
// later step is there: findCheckpoint has put damaged ones aside.
func (r *runner) saveCheckpoint(dir string, pos position, keep int) error {
	final := filepath.Join(dir, fmt.Sprintf(goodPrefix+"%07d", pos.Step))
	if _, err := os.Stat(final); err == nil { // the one that this attempt resumed from: no update since
		old, err := readPosition(final)
		if err != nil {
			return err
		}
		pos.Sums = old.Sums
		return errors.Join(writePosition(final, pos), prune(dir, keep))
	}
	// Mkdir, not MkdirAll: a run folder that was deleted stays deleted.
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	tmp, err := os.MkdirTemp(dir, writingPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	pos.Sums = map[string]string{}
	for name, tensors := range map[string][]safetensors.Tensor{modelFile: r.weights(), stateFile: r.state()} {
		if pos.Sums[name], err = writeTensors(filepath.Join(tmp, name), tensors); err != nil {
			return err
		}
		failpoint.Here("tensors written")
	}
	if err := writePosition(tmp, pos); err != nil {
		return err
	}
	failpoint.Here("checkpoint complete")
	if err := os.Rename(tmp, final); err != nil {
		return err
	}
	failpoint.Here("checkpoint renamed")
	if err := atomicfile.SyncDir(dir); err != nil {
		return err
	}
	return prune(dir, keep)
}

// writePosition writes the position of the checkpoint in a folder, with its sum.
func writePosition(dir string, pos position) error {
	meta, err := pos.file()
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, metaFile), meta)
}

// prune removes all checkpoints under dir but the newest keep.
func prune(dir string, keep int) error {
	names, err := checkpoints(dir)
	if err != nil {
		return err
	}
	for _, old := range names[min(keep, len(names)):] {
		if err := RemoveCheckpoint(filepath.Join(dir, old)); err != nil {
			return err
		}
		failpoint.Here("checkpoint removed")
	}
	return nil
}

func (r *runner) weights() []safetensors.Tensor {
	var ts []safetensors.Tensor
	for _, p := range r.model.Params() {
		ts = append(ts, asTensors(p.Name, p.Kept)...)
	}
	return ts
}

func (r *runner) state() []safetensors.Tensor {
	var ts []safetensors.Tensor
	for _, b := range r.method.State() {
		ts = append(ts, asTensors(b.Name, b.Data)...)
	}
	return ts
}

// asTensors returns what is kept as it is kept: F32, BF16, or U8 and the constants
// of its blocks. Codes of 4 bits, two to a byte, have one dimension.
func asTensors(name string, s tensor.Store) []safetensors.Tensor {
	switch s.Format.Type {
	case tensor.Float32:
		return []safetensors.Tensor{safetensors.Of(name, s.Floats, s.Rows, s.Cols)}
	case tensor.BFloat16:
		return []safetensors.Tensor{safetensors.OfBFloat16(name, s.Halves, s.Rows, s.Cols)}
	case tensor.Affine8, tensor.Affine4:
		codes := safetensors.OfBytes(name, s.Codes, s.Rows, s.Cols)
		if s.Format.Type == tensor.Affine4 {
			codes.Shape = []int{len(s.Codes)}
		}
		return []safetensors.Tensor{
			codes,
			safetensors.Of(name+tensor.GroupScale, s.Floats, len(s.Floats)),
			safetensors.OfBytes(name+tensor.GroupZero, s.Zeros, len(s.Zeros)),
		}
	}
	return []safetensors.Tensor{
		safetensors.OfBytes(name, s.Codes, s.Rows, s.Cols),
		safetensors.Of(name+tensor.AbsMax, s.Floats, len(s.Floats)),
	}
}

func writeTensors(path string, tensors []safetensors.Tensor) (sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if err := safetensors.Write(io.MultiWriter(f, h), map[string]string{"format": "pt"}, tensors); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Sync()
}

// checkpoints lists the checkpoint folders under dir, newest first.
func checkpoints(dir string) ([]string, error) { return folders(dir, goodPrefix) }

// byStep orders names of checkpoints by their step, which has seven digits or more.
func byStep(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// folders lists the folders under dir whose names have a prefix, the last by
// step first.
func folders(dir, prefix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return byStep(b, a) })
	return names, err
}

// checkpointBytes returns the size of the newest checkpoint's files under dir;
// 0 if there is none, as after a divergence before the first.
func checkpointBytes(dir string) (bytes int64) {
	names, _ := checkpoints(dir)
	if len(names) == 0 {
		return 0
	}
	for _, file := range []string{modelFile, stateFile, metaFile} {
		if info, err := os.Stat(filepath.Join(dir, names[0], file)); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// LatestStep returns the step of the newest complete checkpoint under the
// ckpt folder dir, without reading its tensors; 0 if there is none.
func LatestStep(dir string) int {
	names, _ := checkpoints(dir)
	for _, name := range names {
		if pos, err := readPosition(filepath.Join(dir, name)); err == nil && pos.check(name) == nil {
			return pos.Step
		}
	}
	return 0
}

// findCheckpoint returns the newest checkpoint under dir whose sums are right
// and that accepts. Every one that it has to pass over is renamed and reported
// through warn. One that cannot be read now, for reasons of the disk or the
// network, may well be good: that is an error, and it stays where it is. What a
// killed process left half written is removed.
func findCheckpoint(dir string, accept func(position) error, warn func(string)) (path string, pos position, err error) {
	torn, err := folders(dir, writingPrefix)
	if err != nil {
		return "", position{}, err
	}
	for _, t := range torn {
		if err := os.RemoveAll(filepath.Join(dir, t)); err != nil {
			return "", position{}, err
		}
	}
	names, err := checkpoints(dir)
	if err != nil {
		return "", position{}, err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		pos, err := readPosition(path)
		if err == nil {
			err = verify(path, pos)
		}
		if err == nil {
			err = accept(pos)
		}
		if err == nil {
			return path, pos, nil
		}
		if unreadable(err) {
			return "", position{}, fmt.Errorf("checkpoint %s cannot be read (%w): try again, or move %s away to carry on from the one before it, or from the start", name, err, path)
		}
		warn(fmt.Sprintf("checkpoint %s is damaged (%v) and put aside; trying the one before", name, err))
		aside := filepath.Join(dir, damagedPrefix+name)
		if err := errors.Join(os.RemoveAll(aside), os.Rename(path, aside)); err != nil {
			return "", position{}, err
		}
	}
	return "", position{}, nil
}

// unreadable reports whether an error is the system's, and says nothing of what
// a file holds.
func unreadable(err error) bool {
	var system *fs.PathError
	return errors.As(err, &system) && !errors.Is(err, fs.ErrNotExist)
}

func readPosition(path string) (pos position, err error) {
	data, err := bounded.ReadFile(filepath.Join(path, metaFile), maxMetaBytes)
	if err != nil {
		return pos, err
	}
	if err := json.Unmarshal(data, &pos); err != nil {
		return pos, fmt.Errorf("%s: %w", metaFile, err)
	}
	if sum, err := positionSum(data); err != nil || sum != pos.Self {
		return position{}, fmt.Errorf("%s: its SHA-256 is %.12s…, recorded was %.12s…", metaFile, sum, pos.Self)
	}
	return pos, nil
}

func verify(path string, pos position) error {
	if err := pos.check(filepath.Base(path)); err != nil {
		return err
	}
	for _, name := range []string{modelFile, stateFile} {
		f, err := os.Open(filepath.Join(path, name))
		if err != nil {
			return err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return err
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != pos.Sums[name] {
			return fmt.Errorf("%s: SHA-256 is %.12s…, recorded was %.12s…", name, got, pos.Sums[name])
		}
	}
	return nil
}

// load fills the weights and the method's state from a checkpoint.
func (r *runner) load(path string) error {
	for name, tensors := range map[string][]safetensors.Tensor{modelFile: r.weights(), stateFile: r.state()} {
		if err := readTensors(filepath.Join(path, name), tensors); err != nil {
			return err
		}
	}
	return nil
}

func readTensors(path string, into []safetensors.Tensor) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, t := range into {
		switch t.DType {
		case safetensors.F32:
			err = f.Float32(t.Name, t.Float32)
		case safetensors.BF16:
			err = f.BFloat16(t.Name, t.BFloat16)
		default:
			err = f.Bytes(t.Name, t.Data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

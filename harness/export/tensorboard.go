package export

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ranklab/harness/record"
	"ranklab/internal/atomicfile"
)

// TB is the name of TensorBoard's format.
const TB = "tensorboard"

// eventsFile is the one file of a run. TensorBoard reads what has "tfevents" in its
// name; where others have a time and a host, this has none, so that the same run
// gives the same folder.
const eventsFile = "events.out.tfevents.0.ranklab"

// An Exported is a run that is exported, and what it is called.
type Exported struct {
	Run    record.Run
	Name   string // label
	Method string
	Seed   int
}

// A RecordManifest is the content of ranklab.json beside exported records. It is
// written last.
type RecordManifest struct {
	Schema     int      `json:"schema"`
	Format     string   `json:"format"` // TB | CSV
	Experiment string   `json:"experiment,omitempty"`
	Runs       []string `json:"runs"`              // ids
	Folders    []string `json:"folders,omitempty"` // of TensorBoard, one per run
	Notes      []string `json:"notes,omitempty"`
}

// TensorBoard writes the rows of runs as event files that TensorBoard reads, one
// folder per run below dir. Scalars are train/*, validation/*, memory/rss_bytes and
// subspace/*, the mean over layers, by update; text holds the settings and the events. Times are seconds from the
// start of a run, spread evenly over its updates: the records tell no more, and the
// same records give the same bytes. Values are float32, as the format has them.
// Folders of an earlier export are replaced.
func TensorBoard(dir, experiment string, runs []Exported, force bool) (*RecordManifest, error) {
	earlier, err := writableRecords(dir, TB, force)
	if err != nil {
		return nil, err
	}
	m := &RecordManifest{Schema: Schema, Format: TB, Experiment: experiment, Runs: []string{}}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	if earlier != nil { // not complete from here on
		if err := os.Remove(filepath.Join(dir, manifestFile)); err != nil {
			return nil, err
		}
	}
	for _, x := range runs {
		data, rows, err := events(x)
		if err != nil {
			return nil, fmt.Errorf("run %s: %w", record.ShortID(x.Run.ID), err)
		}
		if rows == 0 {
			m.Notes = append(m.Notes, fmt.Sprintf("%s (%s) has no rows yet", x.Name, record.ShortID(x.Run.ID)))
			continue
		}
		name := x.folder()
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			return nil, err
		}
		if err := atomicfile.Write(filepath.Join(dir, name, eventsFile), data); err != nil {
			return nil, err
		}
		m.Runs, m.Folders = append(m.Runs, x.Run.ID), append(m.Folders, name)
	}
	if len(m.Runs) == 0 {
		return nil, fmt.Errorf("nothing to export: %s", strings.Join(m.Notes, "; "))
	}
	if earlier != nil {
		for _, name := range earlier.Folders {
			if !slices.Contains(m.Folders, name) && filepath.IsLocal(name) {
				os.Remove(filepath.Join(dir, name, eventsFile)) // it stays, with the folder, where it cannot be removed
				os.Remove(filepath.Join(dir, name))
			}
		}
	}
	text, err := indented(m)
	if err != nil {
		return nil, err
	}
	return m, atomicfile.Write(filepath.Join(dir, manifestFile), text)
}

// folder names the run for people, and by its id: "galore-rank-8-seed-0-c4a6b6af2524".
func (x Exported) folder() string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, x.Name)
	name = strings.TrimLeft(name[:min(len(name), 80)], ".")
	return fmt.Sprintf("%s-seed-%d-%s", name, x.Seed, record.ShortID(x.Run.ID))
}

// events encodes the rows of a run.
func events(x Exported) (data []byte, rows int, err error) {
	metrics, err := x.Run.Metrics()
	if err != nil {
		return nil, 0, err
	}
	data = appendRecord(nil, versionEvent())
	wall := clock(x.Run)
	add := func(step int, summary message) {
		data = appendRecord(data, event(wall(step), step).bytes(5, summary))
		rows++
	}
	type at struct {
		step    int
		summary message
	}
	var list []at
	for _, r := range metrics.Train {
		s := scalar(nil, "train/loss", float64(r.Loss))
		s = scalar(s, "train/lr", float64(r.LR))
		s = scalar(s, "train/grad_norm", float64(r.GradNorm))
		s = scalar(s, "train/tokens_seen", float64(r.TokensSeen))
		list = append(list, at{r.Step, s})
	}
	for _, r := range slices.Concat(metrics.Eval, metrics.Select) {
		s := scalar(nil, r.Split+"/loss", float64(r.Loss))
		s = scalar(s, r.Split+"/ppl", float64(r.PPL))
		s = scalar(s, r.Split+"/bits_per_byte", float64(r.BitsPerByte))
		s = scalar(s, r.Split+"/ppl_galore77", float64(r.PPLGalore77))
		list = append(list, at{r.Step, s})
	}
	for i := 0; i < len(metrics.Events); { // TensorBoard shows one text of a step
		step, text := metrics.Events[i].Step, ""
		for ; i < len(metrics.Events) && metrics.Events[i].Step == step; i++ {
			text += "- " + eventText(metrics.Events[i]) + "\n"
		}
		list = append(list, at{step, note(nil, "events", text)})
	}
	if m := x.Run.Measured(); m != nil && len(list) > 0 {
		for i, r := range m.RSS {
			if i+1 < len(m.RSS) && m.RSS[i+1].Step == r.Step {
				continue // the last of a step
			}
			list = append(list, at{r.Step, scalar(nil, "memory/rss_bytes", float64(r.Bytes))})
		}
	}
	means, err := subspaceMeans(x.Run)
	if err != nil {
		return nil, 0, err
	}
	for i := 0; i < len(means); {
		var s message
		step := means[i].step
		for ; i < len(means) && means[i].step == step; i++ {
			s = scalar(s, means[i].tag, means[i].value)
		}
		list = append(list, at{step, s})
	}
	slices.SortStableFunc(list, func(a, b at) int { return a.step - b.step })
	if len(list) > 0 {
		add(0, note(nil, "settings", settingsText(x)))
	}
	for _, e := range list {
		add(e.step, e.summary)
	}
	return data, rows, nil
}

// clock returns the seconds from the start of a run to an update.
func clock(r record.Run) func(step int) float64 {
	if r.Summary == nil || r.Summary.Steps == 0 {
		return func(int) float64 { return 0 }
	}
	seconds := float64(r.Summary.Time.Total())
	if math.IsNaN(seconds) || math.IsInf(seconds, 0) {
		seconds = 0
	}
	return func(step int) float64 { return seconds * float64(step) / float64(r.Summary.Steps) }
}

// settingsText lists the settings of a run as a table in Markdown.
func settingsText(x Exported) string {
	var b strings.Builder
	b.WriteString("| setting | value |\n|---|---|\n")
	line := func(name string, value any) {
		text := strings.NewReplacer("|", `\|`, "\n", " ").Replace(plainText(value))
		fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(name, "|", `\|`), text)
	}
	line("run", x.Name)
	line("method", x.Method)
	line("seed", x.Seed)
	line("run_id", x.Run.ID)
	line("numbers_id", x.Run.NumbersID)
	settings := settingsOf(x.Run)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		line(name, settings[name])
	}
	return b.String()
}

// settingsOf returns the settings of a run: the same from whichever experiment.
func settingsOf(r record.Run) map[string]any {
	if len(r.Origins) == 0 {
		return nil
	}
	return r.Origins[0].Settings
}

// eventText describes an event in one line.
func eventText(r record.EventRow) string {
	parts := []string{r.Name}
	for _, name := range slices.Sorted(maps.Keys(r.Detail)) {
		parts = append(parts, fmt.Sprintf("%s %s", name, plainText(r.Detail[name])))
	}
	return strings.Join(parts, ", ")
}

package spec

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"ranklab/internal/safename"
)

// LockSuffix ends the name of a lock file: the rates of experiments/quick.toml
// are in experiments/quick.lock.toml.
const LockSuffix = ".lock.toml"

const lockSchema = 1

// A Lock is what a search has found. Its file is written by `ranklab tune`, and
// committed beside the experiment. It holds nothing that differs from machine to
// machine or from day to day: the same runs give the same bytes.
type Lock struct {
	Schema          int       `toml:"schema"`
	Experiment      string    `toml:"experiment"` // its name
	Overrides       []string  `toml:"overrides"`  // -S options that it was tuned with
	NumericsVersion int       `toml:"numerics_version"`
	Data            string    `toml:"data_digest"`
	Tokenizer       string    `toml:"tokenizer_digest"`
	Param           string    `toml:"param"`
	Grid            []float64 `toml:"grid"`
	Effective       bool      `toml:"effective"`
	Seeds           []int     `toml:"seeds"`
	AtEdge          string    `toml:"at_edge"`
	MaxTrials       int       `toml:"max_trials"`

	Methods []Locked
}

// A Locked is the rate of one method, and how it was found.
type Locked struct {
	Name           string
	LR             float64   `toml:"lr"`
	EffectiveLR    float64   `toml:"effective_lr"` // 0 where the method has none
	SelectLoss     float64   `toml:"select_loss"`  // of that rate, mean over the seeds, nats per token
	SelectTokens   int       `toml:"select_tokens"`
	Steps          int       `toml:"steps"`  // of a trial
	Trials         int       `toml:"trials"` // rates tried, diverged ones among them
	Edge           string    `toml:"edge"`   // "none" | "low" | "high": whether it is the lowest or the highest of them
	Recipe         string    `toml:"recipe"`
	Rates          []float64 `toml:"rates"`           // lr of every trial, ascending
	EffectiveRates []float64 `toml:"effective_rates"` // the same as effective rates
	Runs           []string  `toml:"runs"`            // first 12 digits of the ids: rate by rate, then seed by seed
}

// Edge values of a [Locked].
const (
	NoEdge   = "none"
	LowEdge  = "low"
	HighEdge = "high"
)

// Method returns the entry of a method. A nil lock has none.
func (l *Lock) Method(name string) (Locked, bool) {
	if l == nil {
		return Locked{}, false
	}
	i := slices.IndexFunc(l.Methods, func(m Locked) bool { return m.Name == name })
	if i < 0 {
		return Locked{}, false
	}
	return l.Methods[i], true
}

// Encode writes the lock file. source is the name of the experiment's file.
func (l Lock) Encode(source string) ([]byte, error) {
	var b bytes.Buffer
	stem := strings.TrimSuffix(path.Base(filepath.ToSlash(source)), ".toml")
	fmt.Fprintf(&b, "# Learning rates found by `ranklab tune` for %s, which writes this file: commit it, do not edit it.\n", printable(stem)+".toml")
	fmt.Fprintf(&b, "# Methods of %s take theirs with lr = \"tuned\", those of other experiments with use_lr = \"%s:METHOD\".\n\n", printable(stem)+".toml", printable(stem))
	var failed error
	line := func(key string, value any) {
		// go-toml writes the value; the order of keys is ours.
		text, err := toml.Marshal(map[string]any{"v": value})
		if err != nil {
			failed = fmt.Errorf("encode %s: %w", key, err)
		}
		fmt.Fprintf(&b, "%s = %s\n", key, strings.TrimPrefix(strings.TrimSuffix(string(text), "\n"), "v = "))
	}
	line("schema", lockSchema)
	line("experiment", l.Experiment)
	if len(l.Overrides) > 0 {
		line("overrides", l.Overrides)
	}
	line("numerics_version", l.NumericsVersion)
	line("data_digest", l.Data)
	line("tokenizer_digest", l.Tokenizer)
	line("param", l.Param)
	line("grid", l.Grid)
	line("effective", l.Effective)
	line("seeds", l.Seeds)
	line("at_edge", l.AtEdge)
	line("max_trials", l.MaxTrials)
	for _, m := range l.Methods {
		fmt.Fprintf(&b, "\n[method.%s]\n", tomlKey(m.Name))
		line("lr", m.LR)
		if m.EffectiveLR != 0 {
			line("effective_lr", m.EffectiveLR)
		}
		line("select_loss", m.SelectLoss)
		line("select_tokens", m.SelectTokens)
		line("steps", m.Steps)
		line("trials", m.Trials)
		line("edge", m.Edge)
		line("recipe", m.Recipe)
		line("rates", m.Rates)
		if len(m.EffectiveRates) > 0 {
			line("effective_rates", m.EffectiveRates)
		}
		line("runs", m.Runs)
	}
	return b.Bytes(), failed
}

// tomlKey quotes a key that has a dot: method names are letters, digits, dots,
// hyphens and underscores.
func tomlKey(name string) string {
	if strings.Contains(name, ".") {
		return `"` + name + `"`
	}
	return name
}

// A lockFile is a lock with the places of its values.
type lockFile struct {
	Lock
	name  string // as shown
	rates map[string]*node
}

// parseLock reads a lock file strictly: it is refused, with its places, when a
// value is missing or means nothing.
func parseLock(src *source, problems *collector) (*lockFile, bool) {
	own := &collector{}
	root := parse(src, own)
	l := &lockFile{name: src.name, rates: make(map[string]*node)}
	strictly(root, "a lock file", &l.Lock, own, "method")
	if l.Schema != lockSchema && own.fatals == 0 {
		at := root.pos
		if n := root.get("schema"); n != nil {
			at = n.pos
		}
		own.add(at, "", "", "lock files of schema %d are not known to this program: it reads %d", l.Schema, lockSchema)
	}
	if t := root.get("method"); t != nil && t.kind == tableNode {
		for _, name := range t.names {
			table := t.children[name]
			if table.kind != tableNode {
				own.add(table.place(), "", "", "[method.%s] of a lock file is a table, not %s", name, table.describe())
				continue
			}
			m := Locked{Name: name}
			strictly(table, "[method."+name+"]", &m, own)
			lr := table.get("lr")
			switch {
			case !safename.Valid(name):
				own.add(table.place(), "", "", "the method name %q cannot be part of a file name", name)
			case lr == nil:
				own.add(table.place(), "", "", "the lock file has no lr for %s", name)
			case !(m.LR > 0) && lr.kind != invalidNode:
				own.add(lr.pos, "", "", "lr must be positive, is %v", m.LR)
			case len(m.Rates) > maxTrials || len(m.Runs) != len(m.Rates)*len(l.Seeds) || len(m.EffectiveRates) != 0 && len(m.EffectiveRates) != len(m.Rates):
				own.add(table.place(), "", "", "the lock file lists %d rates, %d effective rates and %d runs of %s with %d seeds", len(m.Rates), len(m.EffectiveRates), len(m.Runs), name, len(l.Seeds))
			case slices.ContainsFunc(m.Runs, func(id string) bool { return len(id) != 12 || strings.Trim(id, "0123456789abcdef") != "" }):
				own.add(table.get("runs").pos, "", "", "the id of a run begins with 12 hexadecimal digits: one in the list does not")
			case !slices.Contains([]string{NoEdge, LowEdge, HighEdge}, m.Edge):
				own.add(table.place(), "", "", "unknown edge %q of %s in the lock file", m.Edge, name)
			}
			l.Methods, l.rates[name] = append(l.Methods, m), lr
		}
	} else if own.fatals == 0 {
		own.add(root.pos, "", "", "the lock file has no rates")
	}
	if len(own.list) == 0 {
		return l, true
	}
	for _, p := range own.list {
		p.Hint = strings.TrimPrefix(p.Hint+"; a damaged lock file can be removed: ranklab tune writes it again", "; ")
	}
	problems.list = append(problems.list, own.list[:min(len(own.list), maxKept-len(problems.list))]...)
	return nil, false
}

// lockPath returns the path of the lock file of the experiment in src, as
// `ranklab tune` writes it: beside its file, or where that file would stand if it
// were not in the binary.
func lockPath(src *source) string {
	if src.embedded {
		return path.Join(experimentsDir, strings.TrimSuffix(src.path, ".toml")+LockSuffix)
	}
	return strings.TrimSuffix(src.path, ".toml") + LockSuffix
}

// openOwnLock finds the lock file of the experiment in src.
func (f files) openOwnLock(src *source) (file, error) {
	own := lockPath(src)
	text, err := f.read(own)
	if err == nil {
		return file{name: own, path: own, text: text}, nil
	}
	if src.embedded {
		return f.openEmbedded(strings.TrimSuffix(src.path, ".toml")+LockSuffix, nil)
	}
	return file{}, err
}

// openLock finds the lock file of an experiment that the file of from names:
// beside that file, or else as [Load] finds an experiment by name.
func (f files) openLock(from *source, name string) (file, error) {
	name += LockSuffix
	if from.embedded {
		beside := path.Join(experimentsDir, path.Dir(from.path), filepath.ToSlash(name))
		if text, err := f.read(beside); err == nil { // written since the program was built
			return file{name: beside, path: beside, text: text}, nil
		}
		return f.openBeside(from, name)
	}
	beside := name
	if !filepath.IsAbs(name) {
		beside = filepath.Join(filepath.Dir(from.path), name)
	}
	if text, err := f.read(beside); err == nil {
		return file{name: beside, path: beside, text: text}, nil
	}
	return f.open(name)
}

// openNamed finds the experiment whose lock openLock looks for.
func (f files) openNamed(from *source, name string) (file, error) {
	found, err := f.openBeside(from, name+".toml")
	if err != nil {
		return f.open(name + ".toml")
	}
	return found, nil
}

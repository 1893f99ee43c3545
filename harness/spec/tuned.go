package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tunedWord is the value of lr that stands for the experiment's own tuned rate.
const tunedWord = "tuned"

// A Rate says where the learning rate of a method comes from.
type Rate struct {
	Method  string
	From    string  // "quick:galore": whose tuned rate it is; "" if the experiment gives a number
	Lock    string  // file:line of the rate; "" if it is given or missing
	Missing string  // command that finds the rate, if no lock file holds it yet
	LR      float64 // 0 if missing
	Trials  int     // rates that were tried; 0 if given or missing
	Steps   int     // updates of a trial; 0 if given or missing
	Edge    string  // NoEdge | LowEdge | HighEdge; "" if given or missing
	Stale   bool    // found for other settings of the same experiment
}

// RequireRates reports methods whose learning rate is not tuned yet: then nothing
// of the experiment can be trained.
func (x *Experiment) RequireRates() error {
	var methods, commands []string
	for _, r := range x.Rates {
		if r.Missing != "" {
			methods = append(methods, r.Method)
			if !slices.Contains(commands, r.Missing) {
				commands = append(commands, r.Missing)
			}
		}
	}
	if len(methods) == 0 {
		return nil
	}
	noun := "learning rate"
	if len(methods) > 1 {
		noun += "s"
	}
	return fmt.Errorf("no tuned %s yet for %s: first run %s", noun, strings.Join(methods, ", "), strings.Join(commands, "; "))
}

// Missing reports whether the rate of a method is not known yet.
func (x *Experiment) Missing(method string) bool {
	return slices.ContainsFunc(x.Rates, func(r Rate) bool { return r.Method == method && r.Missing != "" })
}

// readRates puts numbers in the place of lr = "tuned" and of use_lr: those of lock
// files, or placeholders where there is none yet. It says where the rate of every
// method comes from, if one of them is tuned.
func (e *expander) readRates() {
	methods := e.root.get("method")
	if methods == nil || methods.kind != tableNode {
		return
	}
	tuned := e.tune != nil
	for _, name := range methods.names {
		t := methods.children[name]
		if t.kind != tableNode {
			continue
		}
		rate, lr := e.rateOf(name, t)
		if lr != nil {
			tuned = true
			t.set("lr", lr)
		}
		t.remove("use_lr")
		if over := e.overrides.get("method").get(name); over != nil && over.kind == tableNode {
			if over.get("use_lr") != nil || lr != nil && over.get("lr") != nil {
				over.set("lr", t.get("lr"))
			}
			over.remove("use_lr")
		}
		e.rates = append(e.rates, rate)
	}
	if !tuned {
		e.rates = nil
	}
}

// rateOf returns where the rate of a method comes from, and its value if the
// table does not give a number.
func (e *expander) rateOf(name string, t *node) (Rate, *node) {
	rate := Rate{Method: name}
	lr, use := t.get("lr"), t.get("use_lr")
	if lr != nil && use != nil {
		switch a, b := onCommandLine(lr), onCommandLine(use); {
		case a && !b:
			use = nil
		case b && !a:
			lr = nil
		default:
			e.problems.add(use.place(), "", `lr is set at `+lr.place().String()+`; lr = "!unset" takes it away`, "lr and use_lr both give the learning rate of %s", name)
			return rate, nil
		}
	}
	invalid := func(at *node) *node { return &node{kind: invalidNode, pos: at.pos, key: at.key} }
	switch {
	case use != nil && use.kind != stringNode:
		if use.kind != invalidNode {
			e.problems.add(use.pos, "", "", "use_lr takes \"EXPERIMENT:METHOD\", not %s", use.describe())
		}
		return rate, invalid(use)
	case use != nil:
		i := strings.LastIndexByte(use.str, ':')
		if i <= 0 || i == len(use.str)-1 {
			e.problems.add(use.pos, "", "it takes the tuned rate of a method from the lock file of its experiment", "use_lr takes \"EXPERIMENT:METHOD\", not %q", use.str)
			return rate, invalid(use)
		}
		rate.From = use.str
		return e.locked(rate, strings.TrimSuffix(use.str[:i], ".toml"), use.str[i+1:], use)
	case lr != nil && lr.kind == stringNode && lr.str == tunedWord:
		if e.tune == nil {
			e.problems.add(lr.pos, "", `or take the rate of another experiment: use_lr = "EXPERIMENT:METHOD"`, `lr = "tuned" needs a [tune] section, which says how`)
			return rate, invalid(lr)
		}
		e.tuned = append(e.tuned, name)
		stem := strings.TrimSuffix(path.Base(filepath.ToSlash(e.root.pos.src.path)), ".toml")
		rate.From = stem + ":" + name
		return e.locked(rate, stem, name, lr)
	}
	return rate, nil
}

// onCommandLine reports whether -S set a value.
func onCommandLine(n *node) bool { return n.pos.src != nil && n.pos.src.order > maxFiles }

// locked looks a rate up in the lock file of an experiment. at asks for it.
func (e *expander) locked(rate Rate, experiment, method string, at *node) (Rate, *node) {
	own := at.str == tunedWord
	from := at.pos.src
	if own || onCommandLine(at) {
		from = e.root.pos.src
	}
	lock, ok := e.lockOf(from, experiment, own, at)
	if !ok {
		return rate, &node{kind: invalidNode, pos: at.pos, key: at.key}
	}
	placeholder := func() (Rate, *node) {
		rate.Missing = "ranklab tune " + e.named(from, experiment, own)
		value := 1e-3 // for checks and estimates, which do not depend on it
		return rate, &node{kind: floatNode, flt: value, text: strconv.FormatFloat(value, 'g', -1, 64), pos: at.pos, key: at.place()}
	}
	if lock == nil {
		return placeholder()
	}
	found, ok := lock.Method(method)
	switch {
	case !ok && own:
		return placeholder() // added since
	case !ok:
		var names []string
		for _, m := range lock.Methods {
			names = append(names, m.Name)
		}
		suggestion, _ := didYouMean(method, names)
		e.problems.add(at.pos, suggestion, "tuned there: "+strings.Join(names, ", "), "%s has no rate of %q", lock.name, method)
		return rate, &node{kind: invalidNode, pos: at.pos, key: at.key}
	}
	value := lock.rates[method]
	rate.Lock, rate.LR, rate.Trials, rate.Edge = value.place().String(), found.LR, found.Trials, found.Edge
	rate.Steps = found.Steps
	return rate, value
}

// lockOf reads the lock file of an experiment: nil if there is none, which is only
// a problem if there is no such experiment either. ok is false after a problem.
func (e *expander) lockOf(from *source, experiment string, own bool, at *node) (lock *lockFile, ok bool) {
	open := func() (file, error) { return e.files.openLock(from, experiment) }
	if own {
		open = func() (file, error) { return e.files.openOwnLock(from) }
	}
	found, err := open()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errFolder) {
		if _, err := e.files.openNamed(from, experiment); err != nil && !own {
			suggestion, _ := didYouMean(experiment, Embedded())
			e.problems.add(at.pos, suggestion, "", "there is no experiment %q, nor a file %s", experiment, experiment+LockSuffix)
			return nil, false
		}
		return nil, true
	}
	if err != nil {
		e.problems.add(at.pos, "", "", "%v", err)
		return nil, false
	}
	if lock, seen := e.locks[found.name]; seen {
		return lock, lock != nil
	}
	src := newSource(found.name, found.text)
	src.order, src.embedded, src.path = maxFiles-1, found.embedded, found.path
	lock, ok = parseLock(src, e.problems)
	if e.locks == nil {
		e.locks = make(map[string]*lockFile)
	}
	e.locks[found.name] = lock
	return lock, ok
}

// named is how the command line names an experiment.
func (e *expander) named(from *source, experiment string, own bool) string {
	if own {
		return strings.TrimPrefix(e.root.pos.src.name, "embedded:")
	}
	found, err := e.files.openNamed(from, experiment)
	if err != nil {
		return experiment
	}
	return strings.TrimPrefix(found.name, "embedded:")
}

// finishRates adds to the rates what is known once the methods are resolved.
func (e *expander) finishRates() []Rate {
	e.ownLock()
	for i := range e.rates {
		r := &e.rates[i]
		for _, v := range e.variants {
			if v.name == r.Method && r.From == "" {
				r.LR = v.known.LR
			}
		}
		if e.tune == nil || !slices.Contains(e.tuned, r.Method) {
			continue
		}
		for _, m := range e.tune.Methods {
			if m.Name == r.Method {
				r.Stale = e.tune.Stale(m)
			}
		}
	}
	return e.rates
}

// ownLock attaches the experiment's own lock to its search.
func (e *expander) ownLock() {
	if e.tune == nil {
		return
	}
	src := e.root.pos.src
	e.tune.Path = lockPath(src)
	if found, err := e.files.openOwnLock(src); err == nil {
		if lock := e.locks[found.name]; lock != nil {
			e.tune.Lock = &lock.Lock
		}
	}
}

package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

// A Tune is the [tune] section: a search for the learning rate of each method
// that says lr = "tuned", with the same number of trials for all of them. A trial
// is a run of the method as its table has it, the headline variant: axes and cases
// are not tuned, and take the rate of their method.
type Tune struct {
	Grid         []float64 `toml:"grid"`          // rates to begin with, ascending
	Param        string    `toml:"param"`         // "lr"
	Effective    bool      `toml:"effective"`     // the grid holds effective rates; see Method.effect
	Seeds        []int     `toml:"seeds"`         // of the trials: none of the reported ones
	Steps        int       `toml:"steps"`         // updates of a trial; 0 = those of the experiment
	AtEdge       string    `toml:"at_edge"`       // Extend | Warn | Fail
	MaxTrials    int       `toml:"max_trials"`    // rates per method
	SelectTokens int       `toml:"select_tokens"` // size of the set by which rates are chosen; 0 = eval.tokens

	Methods []TunedMethod // in the order of the experiment
	Lock    *Lock         // what an earlier search found; nil if there is none
	Path    string        // of the lock file
}

// What to do when the best rate of a method is the lowest or the highest tried.
const (
	Extend = "extend" // try the next one, and one more of every other method
	Warn   = "warn"   // keep it, and say so
	Fail   = "fail"
)

// defaultTrials is the default of max_trials.
const defaultTrials = 9

// maxTrials bounds max_trials and the grid.
const maxTrials = 64

// A TunedMethod is a method whose rate is searched for.
type TunedMethod struct {
	Name   string
	Recipe string // hash of all that the search depends on but the data

	divisor float64  // lr = rate of the grid / divisor
	effect  float64  // effective rate = effect·lr; NaN where there is none
	base    Instance // a trial without its rate and seed
	seeds   seedPlan
}

// Rate returns the rate with an index in the grid. The grid goes on below 0 and
// from its length on by the ratio of its two nearest rates.
func (t *Tune) Rate(i int) float64 {
	n := len(t.Grid)
	switch {
	case i < 0:
		return rounded(t.Grid[0] * math.Pow(t.Grid[0]/t.Grid[1], float64(-i)))
	case i >= n:
		return rounded(t.Grid[n-1] * math.Pow(t.Grid[n-1]/t.Grid[n-2], float64(i-n+1)))
	}
	return t.Grid[i]
}

// LR returns the lr of a method that has a rate of the grid.
func (m TunedMethod) LR(rate float64) float64 { return rounded(rate / m.divisor) }

// EffectiveLR returns the effective rate of an lr; NaN if the method has none.
func (m TunedMethod) EffectiveLR(lr float64) float64 { return rounded(lr * m.effect) }

// Trials returns the runs of a method with the rate of an index, one per seed.
func (t *Tune) Trials(m TunedMethod, index int) []Instance {
	lr := m.LR(t.Rate(index))
	var list []Instance
	for _, seed := range t.Seeds {
		inst := m.base
		inst.Run.Method.LR, inst.Run.Seed, inst.Seed = lr, m.seeds.of(seed), seed
		inst.Label, inst.Axes = TrialLabel(m.Name, lr), TrialAxes(lr, m.EffectiveLR(lr))
		inst.Origin = maps.Clone(inst.Origin)
		list = append(list, inst)
	}
	return list
}

// TrialLabel is the label of the trials of a method with an lr.
func TrialLabel(method string, lr float64) string { return fmt.Sprintf("%s lr=%v", method, lr) }

// TrialAxes are the columns that vary between the trials of a method.
func TrialAxes(lr, effective float64) map[string]any {
	axes := map[string]any{"lr": lr}
	if !math.IsNaN(effective) {
		axes["effective_lr"] = effective
	}
	return axes
}

// Stale reports whether the lock's rate of a method was found for other settings
// than the experiment has now.
func (t *Tune) Stale(m TunedMethod) bool {
	locked, ok := t.Lock.Method(m.Name)
	return ok && locked.Recipe != m.Recipe
}

// readTune reads [tune].
func (e *expander) readTune() {
	table := e.table(e.root, "tune", "[tune]")
	if table == nil {
		return
	}
	t := &Tune{Param: "lr", Effective: true, Seeds: []int{100}, AtEdge: Extend}
	bad := strictly(table, "[tune]", t, e.problems, "seeds")
	at := func(key string) pos {
		if n := table.get(key); n != nil {
			return n.pos
		}
		return table.place()
	}
	check := func(ok bool, key, format string, args ...any) {
		if !ok && !bad[key] {
			e.problems.add(at(key), "", "", format, args...)
			bad[key] = true
		}
	}
	option := func(key, value string, options ...string) {
		if !bad[key] && !slices.Contains(options, value) {
			suggestion, _ := didYouMean(value, options)
			e.problems.add(at(key), suggestion, "choose from "+joinOr(options), "unknown %s %q", key, value)
		}
	}
	if n := table.get("seeds"); n != nil {
		if n.kind == arrayNode {
			t.Seeds = e.seedList(n)
		} else if n.kind != invalidNode {
			e.problems.add(n.pos, "", "", "tune.seeds takes a list of seeds, not %s", n.describe())
		}
	}
	if table.get("grid") == nil && !bad["grid"] {
		e.problems.add(table.place(), "", "the rates to try, the same for every method: grid = [1e-3, 2e-3, 4e-3]", "[tune] lacks grid")
		bad["grid"] = true
	}
	check(len(t.Grid) >= 2 && len(t.Grid) <= maxTrials, "grid", "grid has %d rates: between 2 and %d are possible", len(t.Grid), maxTrials)
	for _, rate := range t.Grid {
		check(rate > 0, "grid", "a rate must be positive, is %v", rate)
	}
	slices.Sort(t.Grid)
	for i := 1; i < len(t.Grid); i++ {
		check(t.Grid[i] != t.Grid[i-1], "grid", "grid lists %v twice", t.Grid[i])
	}
	option("param", t.Param, "lr")
	option("at_edge", t.AtEdge, Extend, Warn, Fail)
	if table.get("steps") != nil {
		check(t.Steps >= 1 && t.Steps <= maxInt, "steps", "steps must lie between 1 and %d, is %d", maxInt, t.Steps)
	}
	if table.get("select_tokens") != nil {
		check(t.SelectTokens >= 1 && t.SelectTokens <= maxInt, "select_tokens", "select_tokens must lie between 1 and %d, is %d", maxInt, t.SelectTokens)
	}
	if table.get("max_trials") == nil {
		t.MaxTrials = max(defaultTrials, len(t.Grid))
	} else if !bad["grid"] {
		check(t.MaxTrials >= len(t.Grid) && t.MaxTrials <= maxTrials, "max_trials", "max_trials must lie between %d, the length of grid, and %d; is %d", len(t.Grid), maxTrials, t.MaxTrials)
	}
	e.tune, e.tuneTable = t, table
	e.tuneBad = bad["grid"] || bad["max_trials"]
}

// finishTune resolves and checks a trial of each tuned method.
func (e *expander) finishTune(plan seedPlan) *Tune {
	t := e.tune
	if t == nil {
		return nil
	}
	if n := e.tuneTable.get("seeds"); true {
		at := e.tuneTable.place()
		if n != nil {
			at = n.place()
		}
		for _, seed := range t.Seeds {
			if slices.Contains(plan.seeds, seed) {
				e.problems.add(at, "", "seeds of trials are others than those of reported runs, so that no run is chosen for its luck", "seed %d is one of the experiment's seeds too", seed)
			}
		}
		if plan.init != nil && plan.data != nil && len(t.Seeds) > 1 {
			e.problems.add(at, "", "", "both streams are fixed in [seed]: all %d seeds of a trial would be the same run", len(t.Seeds))
		}
	}
	if len(e.tuned) == 0 {
		e.problems.add(e.tuneTable.place(), `write lr = "tuned" in the tables of the methods to tune`, "", "[tune] tunes no method")
	}
	if e.tuneBad {
		return nil
	}
	for _, v := range e.variants {
		if !slices.Contains(e.tuned, v.name) {
			continue
		}
		if m, ok := e.tunedMethod(v, plan); ok {
			t.Methods = append(t.Methods, m)
		}
	}
	return t
}

// tunedMethod makes the trial that differs from the others of its method in rate
// and seed.
func (e *expander) tunedMethod(v *variant, plan seedPlan) (TunedMethod, bool) {
	t, grid := e.tune, e.tuneTable.get("grid")
	number := func(key string, value float64, whole bool, at *node) assignment {
		n := &node{kind: floatNode, flt: value, pos: at.place(), key: at.place(), text: fmt.Sprint(value)}
		if whole {
			n.kind, n.num = intNode, int64(value)
		}
		return assignment{key, n}
	}
	list := slices.Concat(v.fixed, v.final, []assignment{number("method.lr", t.Grid[0], false, grid)})
	if t.Steps > 0 {
		list = append(list, number("train.steps", float64(t.Steps), true, e.tuneTable.get("steps")))
	}
	tokens := t.SelectTokens
	if tokens == 0 {
		tokens = resolve(v.name, list, &collector{}).run.Eval.Tokens
	}
	at := e.tuneTable.get("select_tokens")
	if at == nil {
		at = e.tuneTable
	}
	list = append(list, number("eval.select_tokens", float64(tokens), true, at))
	checked := func(problems *collector) *resolution {
		r := resolve(v.name, list, problems)
		c := r.checker(problems, e.fallback(v))
		c.method = v.name
		r.run.check(c)
		return r
	}
	own := &collector{} // the experiment's runs may have the same problems
	r := checked(own)
	if len(own.list) > 0 {
		checked(e.problems)
		return TunedMethod{}, false
	}
	m := TunedMethod{Name: v.name, seeds: plan, divisor: 1}
	factor, ok := r.run.Method.effect()
	m.effect = factor
	if t.Effective {
		if !ok {
			e.problems.add(v.table.place(), "", "write effective = false in [tune]: then the grid holds values of lr", "lr_groups train attention and MLP of %s at different rates: it has no effective rate", v.name)
			return m, false
		}
		m.divisor = factor
	}
	for _, i := range []int{len(t.Grid) - t.MaxTrials, t.MaxTrials - 1} {
		if lr := m.LR(t.Rate(i)); !(lr > 0) || math.IsInf(lr, 0) {
			e.problems.add(grid.pos, "", "lower max_trials, or list rates that lie closer together", "with max_trials = %d the grid could be extended to an lr of %v for %s", t.MaxTrials, lr, v.name)
			return m, false
		}
	}
	m.base = Instance{Run: r.run, Variant: v.name, Origin: r.origins()}
	m.Recipe = recipe(r.run, t, m.divisor)
	return m, true
}

// recipe is a hash of all that the search for a method's rate depends on, but the
// data: of a trial without rate and seed, and of the search.
func recipe(r Run, t *Tune, divisor float64) string {
	r.Method.LR, r.Seed = 0, Seed{}
	text, err := json.Marshal([]any{r.RunID(Digests{}), t.Grid, divisor, t.Seeds, t.AtEdge, t.MaxTrials})
	if err != nil {
		panic("spec: " + err.Error()) // NaN and Inf do not pass the checks
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:12]
}

package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/harness/view"
)

type explainCmd struct {
	What      string   `arg:"" help:"Id of a stored run or its first digits, folder of a run, or an experiment: its file or name."`
	Set       []string `short:"S" name:"set" help:"Override a value of the experiment: -S train.steps=100. Repeatable." placeholder:"KEY=VALUE" sep:"none"`
	Key       string   `help:"Only say what value a key has in each run, and where it comes from: train.steps, lr, method.galore.rank." placeholder:"KEY"`
	Reference bool     `help:"As in a sweep: committed runs stand for runs of the experiment."`
	NoData    bool     `help:"Do not open or build the corpus: runs then have no ids, and are compared by their settings."`
	jsonArg   `embed:""`
}

func (c explainCmd) Run(v *env) error {
	if run, err := v.run(c.What); err == nil {
		if len(c.Set) > 0 {
			return exitError{train.ExitUsage, "-S overrides values of an experiment, not of a stored run"}
		}
		return c.stored(v, run)
	} else if !spec.Exists(c.What) {
		return err
	}
	e, err := spec.Load(c.What, c.Set)
	if err != nil {
		return err
	}
	if c.Key != "" {
		return c.key(v, e.Runs, e)
	}
	stage := stageProgress(v.stderr, v.terminal())
	list, notes, err := plan.Explain(v.ctx, e, plan.Options{Results: v.results, Cache: v.cache, Reference: c.Reference, Prepare: !c.NoData, Progress: stage.update})
	stage.end()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeExplanationsJSON(v.stdout, e, list, notes)
	}
	return writeExplanations(v.stdout, e, list, notes)
}

// writeExplanations prints the runs of an experiment; those of which the same is
// to be said stand together.
func writeExplanations(w io.Writer, e *spec.Experiment, list []plan.Explanation, notes []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", e.Name, e.Title)
	said := make([]string, len(list))
	for i, x := range list {
		said[i] = x.Action + "\x00" + reasonOf(x) + "\x00" + strings.Join(differences(x), "\n")
	}
	for i, x := range list {
		if slices.Index(said, said[i]) < i {
			continue // with an earlier run
		}
		fmt.Fprintf(&b, "\n%s: %s\n", x.Action, reasonOf(x))
		for j := i; j < len(list); j++ {
			if said[j] == said[i] {
				fmt.Fprintf(&b, "  %s\n", explained(e, list[j]))
			}
		}
		for _, line := range differences(x) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	for _, note := range notes {
		fmt.Fprintf(&b, "\nnote: %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// reasonOf is the reason without what is particular to one run.
func reasonOf(x plan.Explanation) string {
	return strings.TrimSuffix(x.Reason, " as "+record.ShortID(x.ID))
}

// explained is the line of one run.
func explained(e *spec.Experiment, x plan.Explanation) string {
	text := fmt.Sprintf("%-40s %-12s  numbers %-12s", e.NameOf(x.Instance), cmp.Or(record.ShortID(x.ID), "no id"), cmp.Or(record.ShortID(x.NumbersID), "–"))
	switch n := x.Nearest; {
	case x.Dir != "":
		text += "  " + x.Dir
	case n != nil:
		text += fmt.Sprintf("  nearest: %s (%s, %s)", record.ShortID(n.Run.ID), nameOf(n.Run), n.Run.State())
	}
	return strings.TrimRight(text, " ")
}

// differences are the lines that lead from the nearest stored run to the wanted.
func differences(x plan.Explanation) []string {
	n := x.Nearest
	switch {
	case x.Dir != "":
		return nil
	case n == nil:
		return []string{"no run is stored yet"}
	}
	lines := changeLines(n.Changes, x.Instance.Origin)
	for _, c := range n.Data {
		lines = append(lines, fmt.Sprintf("%s: digest %s", c.Key, arrow(shortValue(c.A), shortValue(c.B))))
	}
	if n.Numerics != 0 {
		lines = append(lines, fmt.Sprintf("numerics_version: %s", arrow(fmt.Sprint(n.Numerics), fmt.Sprint(spec.NumericsVersion))))
	}
	if len(lines) == 0 {
		if x.ID == "" {
			return []string{"the same settings as the nearest: it is reused if the text is the same"}
		}
		return []string{"no setting and no digest differs from the nearest: its spec.toml or its records were changed"}
	}
	return append([]string{"what differs from the nearest stored run:"}, indented(lines)...)
}

func indented(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = "  " + line
	}
	return out
}

// changeLines writes changes of settings, aligned, each with what it decides and
// where the new value comes from.
func changeLines(changes []spec.Change, places map[string]string) []string {
	var lines []string
	key, value := 0, 0
	for _, c := range changes {
		key = max(key, len([]rune(c.Key)))
		value = max(value, len([]rune(arrow(view.Format(c.A), view.Format(c.B)))))
	}
	for _, c := range changes {
		of := "other numbers"
		if c.Of == spec.OfExecution {
			of = "same bits, other memory"
		}
		place := places[c.Key]
		if place == "" && c.B == nil {
			place = "does not apply"
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%-*s  %-*s  %-23s  %s", key, c.Key, value, arrow(view.Format(c.A), view.Format(c.B)), of, place), " "))
	}
	return lines
}

func arrow(a, b string) string { return a + " → " + b }

// shortValue shows the beginning of a digest.
func shortValue(v any) string {
	if s, ok := v.(string); ok && s != "" {
		return record.ShortID(s)
	}
	return "–"
}

// stored explains a run that is on disk.
func (c explainCmd) stored(v *env, run record.Run) error {
	x, err := plan.ExplainStored(run)
	if err != nil {
		return err
	}
	if c.Key != "" {
		var runs []spec.Instance
		for _, a := range x.Asked {
			if a.Now != nil {
				runs = append(runs, *a.Now)
			}
		}
		if len(runs) == 0 {
			return fmt.Errorf("run %s: where its values come from is told by the experiment that it was trained for, and none is here: its values are in %s", record.ShortID(run.ID), record.SpecPath(run.Dir))
		}
		return c.key(v, runs, nil)
	}
	if c.JSON {
		return writeStoredJSON(v.stdout, x)
	}
	return writeStored(v.stdout, x)
}

func writeStored(w io.Writer, x plan.StoredExplanation) error {
	var b strings.Builder
	r := x.Run
	fmt.Fprintf(&b, "run %s (%s), %s\n", record.ShortID(r.ID), nameOf(r), r.State())
	fmt.Fprintf(&b, "  %s\n\nif it is asked for again: %s: %s\n", r.Dir, x.Action, x.Reason)
	b.WriteString("\nidentity\n")
	id := func(name, recorded, now string) {
		switch {
		case recorded == "":
			fmt.Fprintf(&b, "  %-12s not recorded\n", name)
		case now == "" || recorded == now || record.ShortID(now) == recorded:
			fmt.Fprintf(&b, "  %-12s %s\n", name, recorded)
		default:
			fmt.Fprintf(&b, "  %-12s %s, which is %s now\n", name, recorded, now)
		}
	}
	id("run id", r.ID, x.ID)
	id("numbers id", r.NumbersID, x.NumbersID)
	if p := r.Provenance; p != nil {
		version := fmt.Sprint(p.NumericsVersion)
		if p.NumericsVersion != spec.NumericsVersion {
			version = arrow(version, fmt.Sprint(spec.NumericsVersion))
		}
		fmt.Fprintf(&b, "  numbers id: numerics_version %s; text %s, tokenizer %s", version, record.ShortID(p.CorpusDigest), record.ShortID(p.TokenizerDigest))
		if p.InitDigest != "" {
			fmt.Fprintf(&b, ", initial weights %s", record.ShortID(p.InitDigest))
		}
		b.WriteString("; and\n")
	}
	for _, of := range []struct{ what, title string }{
		{spec.OfNumbers, ""}, {spec.OfExecution, "  run id: the numbers id's, and"}, {spec.OfNothing, "  in neither:"},
	} {
		if of.title != "" {
			fmt.Fprintln(&b, of.title)
		}
		for _, line := range partLines(x.Spec.Parts(), of.what) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	b.WriteString("\nasked for by\n")
	if len(x.Asked) == 0 {
		b.WriteString("  no experiment that is recorded\n")
	}
	for _, a := range x.Asked {
		fmt.Fprintf(&b, "  %s: %s, seed %d", a.Origin.Experiment, a.Origin.Name(), a.Origin.Seed)
		switch {
		case a.Problem != "":
			fmt.Fprintf(&b, ": %s\n", a.Problem)
		case len(a.Changes) == 0:
			fmt.Fprintf(&b, ": %s asks for it as it is\n", a.Path)
		default:
			fmt.Fprintf(&b, ": %s asks for another run now:\n", a.Path)
			for _, line := range changeLines(a.Changes, a.Places) {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// partLines lists keys with their values, section by section.
func partLines(parts []spec.Part, of string) []string {
	var lines []string
	section := ""
	for _, p := range parts {
		if p.Of != of || p.Unused {
			continue
		}
		name, key, _ := strings.Cut(p.Key, ".")
		item := key + " = " + view.Format(p.Value)
		if name != section {
			section = name
			lines = append(lines, name+": "+item)
			continue
		}
		lines[len(lines)-1] += ", " + item
	}
	return lines
}

// key says where the value of a key comes from in each run.
func (c explainCmd) key(v *env, runs []spec.Instance, e *spec.Experiment) error {
	key, method, err := spec.FindKey(c.Key)
	if err != nil {
		return exitError{train.ExitUsage, err.Error()}
	}
	type line struct {
		Run    string `json:"run"`
		Seed   int    `json:"seed"`
		Key    string `json:"key"`
		Value  any    `json:"value"`
		Origin string `json:"origin,omitempty"`
	}
	lines := []line{}
	for _, inst := range runs {
		if method != "" && inst.Variant != method {
			continue
		}
		l := line{Run: inst.Label, Seed: inst.Seed, Key: key}
		parts := inst.Run.Parts()
		if i := slices.IndexFunc(parts, func(p spec.Part) bool { return p.Key == key }); i >= 0 {
			l.Value, l.Origin = parts[i].Value, inst.Origin[key]
		}
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		return exitError{train.ExitUsage, fmt.Sprintf("there is no method %q", method)}
	}
	if c.JSON {
		enc := json.NewEncoder(v.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(lines)
	}
	fmt.Fprintln(v.stdout, key)
	var b strings.Builder
	var seen []string
	for _, l := range lines {
		text := fmt.Sprintf("  %-40s %-16s %s", l.Run, view.Format(l.Value), l.Origin)
		if l.Value == nil {
			text = fmt.Sprintf("  %-40s does not apply", l.Run)
		}
		if e != nil && len(e.Seeds) > 1 && strings.HasPrefix(key, "seed.") {
			text = fmt.Sprintf("  %-40s %-16s %s", fmt.Sprintf("%s seed=%d", l.Run, l.Seed), view.Format(l.Value), l.Origin)
		}
		if !slices.Contains(seen, text) {
			seen = append(seen, text)
			b.WriteString(strings.TrimRight(text, " ") + "\n")
		}
	}
	_, err = io.WriteString(v.stdout, b.String())
	return err
}

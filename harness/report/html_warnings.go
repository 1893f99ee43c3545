package report

import (
	"fmt"
	"strings"

	"ranklab/harness/record"
	"ranklab/harness/view"
)

// warnings lists what a reader must know before believing the numbers; nil if
// there is nothing.
func (h *htmlSource) warnings(contract *htmlContract, claims error) *htmlKnow {
	var items []string
	warn := func(format string, args ...any) { items = append(items, fmt.Sprintf(format, args...)) }
	if contract != nil && contract.Class == "fail" {
		warn("The contract is broken: the runs do not share all that they should, or their records do not tell.")
	}
	if claims != nil {
		warn("Claims that cannot be judged: %s.", oneLine(claims.Error()))
	}
	if note := h.sweep.OverrideNote(); note != "" {
		warn("The sweep was made %s: its file alone does not give these runs.", note)
	}
	var pending, diverged, epochs, repeated, dirty, restarted, busy []string
	versions, texts, tokenizers, machines := map[int]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range h.entries {
		r := e.run
		switch {
		case !r.Finished():
			pending = append(pending, e.name+" ("+progressText(r)+")")
		case r.State() == record.Diverged:
			diverged = append(diverged, e.name+" ("+r.Summary.Reason+")")
		case r.Summary.Epochs > 1:
			epochs = append(epochs, fmt.Sprintf("%s (%.2f)", e.name, float64(r.Summary.Epochs)))
		}
		if s := r.Summary; s != nil && 100*s.Waiting() >= view.BusyPercent {
			busy = append(busy, fmt.Sprintf("%s (%.0f %%)", e.name, 100*s.Waiting()))
		}
		if r.Problem != nil {
			repeated = append(repeated, e.name+": "+strings.ReplaceAll(r.Problem.Error(), "\n", "; "))
		}
		if p := r.Provenance; p != nil {
			versions[p.NumericsVersion], texts[p.CorpusDigest], tokenizers[p.TokenizerDigest] = true, true, true
			if p.Dirty {
				dirty = append(dirty, e.name)
			}
			if len(p.Attempts) > 1 {
				restarted = append(restarted, e.name)
			}
			if s := r.Summary; s != nil {
				machines[fmt.Sprint(p.CPU.Model, p.CPU.Cores, s.Threads)] = true
			}
		}
	}
	if len(pending) > 0 {
		warn("No result yet for %d of %d runs: %s.", len(pending), len(h.entries), h.firstOf(pending))
	}
	if len(diverged) > 0 {
		warn("%d of %d runs diverged and %s left out of means: %s.", len(diverged), len(h.entries), isAre(len(diverged)), h.firstOf(diverged))
	}
	for _, text := range repeated {
		warn("%s", text)
	}
	if len(h.seeds) == 1 {
		warn("One seed: there are no intervals, and values that lie close together cannot be told apart.")
	}
	if len(epochs) > 0 {
		warn("More than one pass over the training text, so that later passes see text that was trained on: %s.", h.firstOf(epochs))
	}
	if len(versions) > 1 {
		warn("The runs are of %d numerics versions: the same settings would not give the same bits in all of them.", len(versions))
	}
	if len(texts) > 1 {
		warn("The runs are of %d texts: perplexities do not compare.", len(texts))
	} else if len(tokenizers) > 1 {
		warn("The runs have %d tokenizers: perplexities do not compare, bits per byte do.", len(tokenizers))
	}
	if len(dirty) > 0 {
		warn("Made by a program with changes that its revision does not hold: %s.", h.firstOf(dirty))
	}
	if len(restarted) > 0 {
		warn("Carried on by another program, or on another processor, than the one that began: %s.", h.firstOf(restarted))
	}
	if len(machines) > 1 {
		warn("The runs were made on different processors or with different numbers of threads: results do not depend on it, times and speeds do.")
	}
	if len(busy) > 0 {
		warn("Of their time these runs waited for a processor: %s. Results do not depend on it, times and speeds do.", h.firstOf(busy))
	}
	if len(items) == 0 {
		return nil
	}
	return &htmlKnow{Title: "What to know before reading the numbers", Items: items}
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// firstOf lists up to six names of runs, or says that they are all.
func (h *htmlSource) firstOf(names []string) string {
	if len(names) == len(h.entries) && len(names) > 1 && names[0] == h.entries[0].name {
		return "all runs"
	}
	shown := names[:min(len(names), 6)]
	text := strings.Join(shown, "; ")
	if len(names) > len(shown) {
		text += fmt.Sprintf("; and %d more", len(names)-len(shown))
	}
	return text
}

// progressText says how far an unfinished run is.
func progressText(r record.Run) string {
	text := r.State()
	if s := r.Status; s != nil && s.Step > 0 {
		text += fmt.Sprintf(" after %s of %s updates", thousands(float64(s.Step)), thousands(float64(s.Total)))
	}
	if s := r.Status; s != nil && s.Reason != "" && r.State() != record.Running {
		text += ": " + s.Reason
	}
	return text
}

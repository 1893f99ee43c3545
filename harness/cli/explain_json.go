package cli

import (
	"encoding/json"
	"io"

	"ranklab/harness/plan"
	"ranklab/harness/record"
	"ranklab/harness/spec"
)

// A changeJSON is a difference as a program reads it.
type changeJSON struct {
	spec.Change
	Origin string `json:"origin,omitempty"` // of the new value
}

type nearestJSON struct {
	RunID    string       `json:"run_id"`
	Name     string       `json:"name"`
	State    string       `json:"state"`
	Changes  []changeJSON `json:"changes"`
	Numerics int          `json:"numerics_version,omitempty"` // of the stored run, where it is another
}

type explanationJSON struct {
	Label     string       `json:"label"`
	Seed      int          `json:"seed"`
	RunID     string       `json:"run_id,omitempty"`
	NumbersID string       `json:"numbers_id,omitempty"`
	Digests   spec.Digests `json:"digests"`
	Action    string       `json:"action"`
	Reason    string       `json:"reason"`
	Step      int          `json:"step"`
	Folder    string       `json:"folder,omitempty"`
	Nearest   *nearestJSON `json:"nearest,omitempty"`
}

func writeExplanationsJSON(w io.Writer, e *spec.Experiment, list []plan.Explanation, notes []string) error {
	out := struct {
		Experiment string            `json:"experiment"`
		Numerics   int               `json:"numerics_version"`
		Runs       []explanationJSON `json:"runs"`
		Notes      []string          `json:"notes,omitempty"`
	}{e.Name, spec.NumericsVersion, []explanationJSON{}, notes}
	for _, x := range list {
		j := explanationJSON{
			Label: x.Instance.Label, Seed: x.Instance.Seed, RunID: x.ID, NumbersID: x.NumbersID, Digests: x.Digests,
			Action: x.Action, Reason: x.Reason, Step: x.Step, Folder: x.Dir,
		}
		if n := x.Nearest; n != nil {
			j.Nearest = &nearestJSON{RunID: n.Run.ID, Name: nameOf(n.Run), State: n.Run.State(), Changes: changesJSON(n.Changes, x.Instance.Origin), Numerics: n.Numerics}
			j.Nearest.Changes = append(j.Nearest.Changes, changesJSON(n.Data, nil)...)
		}
		out.Runs = append(out.Runs, j)
	}
	return encode(w, out)
}

func changesJSON(changes []spec.Change, places map[string]string) []changeJSON {
	out := []changeJSON{}
	for _, c := range changes {
		out = append(out, changeJSON{c, places[c.Key]})
	}
	return out
}

type askedJSON struct {
	record.Origin
	Path    string       `json:"path,omitempty"`
	Problem string       `json:"problem,omitempty"`
	Changes []changeJSON `json:"changes"`
}

func writeStoredJSON(w io.Writer, x plan.StoredExplanation) error {
	type partJSON struct {
		Key    string `json:"key"`
		Value  any    `json:"value"`
		Of     string `json:"of,omitempty"`
		Unused bool   `json:"unused,omitempty"`
	}
	out := struct {
		RunID        string       `json:"run_id"`
		NumbersID    string       `json:"numbers_id"`
		RunIDNow     string       `json:"run_id_now,omitempty"`
		NumbersIDNow string       `json:"numbers_id_now,omitempty"`
		State        string       `json:"state"`
		Action       string       `json:"action"`
		Reason       string       `json:"reason"`
		Step         int          `json:"step"`
		Folder       string       `json:"folder"`
		Digests      spec.Digests `json:"digests"`
		Numerics     int          `json:"numerics_version"`
		Recorded     int          `json:"recorded_numerics_version,omitempty"`
		Parts        []partJSON   `json:"parts"`
		Asked        []askedJSON  `json:"asked_for_by"`
	}{
		RunID: x.Run.ID, NumbersID: x.Run.NumbersID, RunIDNow: x.ID, NumbersIDNow: x.NumbersID, State: x.Run.State(), Action: x.Action, Reason: x.Reason,
		Step: x.Step, Folder: x.Run.Dir, Digests: x.Digests, Numerics: spec.NumericsVersion, Asked: []askedJSON{},
	}
	if p := x.Run.Provenance; p != nil {
		out.Recorded = p.NumericsVersion
	}
	for _, p := range x.Spec.Parts() {
		out.Parts = append(out.Parts, partJSON(p))
	}
	for _, a := range x.Asked {
		out.Asked = append(out.Asked, askedJSON{a.Origin, a.Path, a.Problem, changesJSON(a.Changes, a.Places)})
	}
	return encode(w, out)
}

// encode prints a value for a program.
func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

package spec

import (
	"strings"
	"testing"
)

const galoreMethod = "[method.galore]\nkind=\"galore\"\nrank=4\nlr=1\n"

// run loads one run of galore with more keys.
func galoreRun(t *testing.T, more string) Run {
	t.Helper()
	return mustLoad(t, galoreMethod+more, nil).Runs[0].Run
}

// A run that does not use the switches has the id it had before there were any;
// one that does has its own, and a basis kept as state is has no name of its own.
func TestSwitchesEnterTheIDs(t *testing.T) {
	plain := galoreRun(t, "")
	if text := string(plain.canonical(Digests{}, func(field) bool { return true })); strings.Contains(text, "moments") || strings.Contains(text, "projector_dtype") || strings.Contains(text, "reset_step") {
		t.Errorf("the switches are in the id of a run that does not use them: %s", text)
	}
	id := plain.RunID(Digests{})
	for more, same := range map[string]bool{
		"moments=\"carry\"\n": true, "moments=\"reset\"\n": false, "moments=\"rotate\"\n": false,
		"projector_dtype=\"float32\"\n": true, "projector_dtype=\"\"\n": true, "projector_dtype=\"bfloat16\"\n": false, "projector_dtype=\"int8\"\n": false,
		"projector=\"stiefel\"\n": false, "projector=\"coordinate\"\n": false,
	} {
		if got := galoreRun(t, more).RunID(Digests{}) == id; got != same {
			t.Errorf("%q has the id of the plain run: %v", more, got)
		}
	}
	seen := map[string]string{}
	for _, more := range []string{
		"", "moments=\"reset\"\n", "moments=\"reset\"\nreset_step=false\n", "moments=\"rotate\"\n", "projector_dtype=\"int4\"\n", "projector_dtype=\"int8\"\n",
		"projector=\"gaussian\"\n", "train.state_dtype=\"bfloat16\"\n", "train.state_dtype=\"bfloat16\"\nprojector_dtype=\"float32\"\n",
		"train.state_dtype=\"bfloat16_stochastic\"\n",
	} {
		id := galoreRun(t, more).RunID(Digests{})
		if other, twice := seen[id]; twice {
			t.Errorf("%q and %q are one run", more, other)
		}
		seen[id] = more
	}
	// Moments of 8 bits do not follow state_dtype, so nothing is left of it where
	// the bases do not either.
	eight := "optimizer=\"adamw8bit\"\n"
	a := galoreRun(t, eight+"projector_dtype=\"int4\"\n").RunID(Digests{})
	if b := galoreRun(t, eight+"projector_dtype=\"int4\"\ntrain.state_dtype=\"bfloat16\"\n").RunID(Digests{}); a != b {
		t.Error("a format that nothing is kept in changes the id")
	}
	b := galoreRun(t, eight+"projector_dtype=\"bfloat16\"\ntrain.state_dtype=\"bfloat16\"\n").RunID(Digests{})
	if b != galoreRun(t, eight+"train.state_dtype=\"bfloat16\"\n").RunID(Digests{}) || b == galoreRun(t, eight).RunID(Digests{}) {
		t.Error("bases in bfloat16, said in two ways, have two ids, or that of float32")
	}
}

// A reset restarts the step counter unless it is told not to. Columns say what is
// not as it was before there were switches, so that old records have the same.
func TestSwitchDefaults(t *testing.T) {
	for _, c := range []struct {
		more, moments string
		columns       [2]any // moments, projector_dtype
	}{
		{"", "carry", [2]any{}}, {"moments=\"rotate\"\n", "rotate", [2]any{"rotate", nil}},
		{"moments=\"reset\"\nprojector_dtype=\"int4\"\n", "reset", [2]any{"reset", "int4"}},
		{"train.state_dtype=\"bfloat16_stochastic\"\n", "carry", [2]any{}},
	} {
		r := galoreRun(t, c.more)
		if r.Method.ResetStep != (c.moments == "reset") {
			t.Errorf("%q: reset_step is %v", c.more, r.Method.ResetStep)
		}
		s := r.Settings()
		if _, has := s["reset_step"]; [2]any{s["moments"], s["projector_dtype"]} != c.columns || has != (c.moments == "reset") {
			t.Errorf("%q: columns %v", c.more, s)
		}
		text, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := reread(t, text); got.RunID(Digests{}) != r.RunID(Digests{}) || got.Method.Moments != c.moments {
			t.Errorf("%q: read back as %+v", c.more, got.Method)
		}
	}
}

// Runs that were stored before there were switches are read as they were, and keep
// their ids.
func TestOldRunsLackSwitches(t *testing.T) {
	r := galoreRun(t, "")
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var old []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "moments") && !strings.HasPrefix(line, "projector_dtype") {
			old = append(old, line)
		}
	}
	got := reread(t, []byte(strings.Join(old, "")))
	if got.RunID(Digests{}) != r.RunID(Digests{}) || got.Method.Moments != "carry" || len(old) == strings.Count(string(text), "\n") {
		t.Errorf("read as %+v", got.Method)
	}
}

// What makes no sense is refused, with what would.
func TestSwitchProblems(t *testing.T) {
	for more, want := range map[string]string{
		"projector=\"steifel\"\n":                                      `did you mean "stiefel"?`,
		"moments=\"rotated\"\n":                                        `did you mean "rotate"?`,
		"projector_dtype=\"int2\"\n":                                   "choose from float32, bfloat16, int8 or int4",
		"reset_step=true\n":                                            `reset_step needs moments "reset"`,
		"moments=\"rotate\"\nreset_step=true\n":                        `reset_step needs moments "reset"`,
		"moments=\"rotate\"\noptimizer=\"sgd\"\nmomentum=0.0\n":        "has nothing to act on",
		"moments=\"reset\"\noptimizer=\"sgd\"\nmomentum=0.0\n":         "has nothing to act on",
		"moments=\"rotate\"\noptimizer=\"adafactor\"\n":                "has nothing to act on",
		"[method.a]\nkind=\"adamw\"\nlr=1\nmoments=\"reset\"\n":        "moments needs kind galore",
		"[method.a]\nkind=\"adamw\"\nlr=1\nreset_step=true\n":          "reset_step needs kind relora or galore",
		"[method.a]\nkind=\"adamw\"\nlr=1\nprojector_dtype=\"int8\"\n": "projector_dtype needs kind galore",
	} {
		if _, err := loadText(t, galoreMethod+more, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", more, err, want)
		}
	}
	for _, more := range []string{
		"moments=\"reset\"\noptimizer=\"adafactor\"\n", "moments=\"rotate\"\noptimizer=\"adafactor\"\nmomentum=0.9\n",
		"moments=\"rotate\"\noptimizer=\"adamw8bit\"\n", "moments=\"reset\"\nupdate_proj_gap=\"never\"\n",
	} {
		if _, err := loadText(t, galoreMethod+more, nil); err != nil {
			t.Errorf("%q: %v", more, err)
		}
	}
}

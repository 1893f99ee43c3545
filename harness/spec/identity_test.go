package spec

import (
	"reflect"
	"strings"
	"testing"
)

// change gives a field another value.
func change(v reflect.Value) {
	switch x := v.Interface().(type) {
	case int:
		v.SetInt(int64(x) + 1)
	case Gap:
		v.SetInt(int64(x) + 3)
	case float64:
		v.SetFloat(x + 0.5)
	case bool:
		v.SetBool(!x)
	case string:
		v.SetString(x + "x")
	case []string:
		v.Set(reflect.ValueOf(append([]string{"x"}, x...)))
	case []int:
		v.Set(reflect.ValueOf(append([]int{7}, x...)))
	case []float64:
		v.Set(reflect.ValueOf(append([]float64{0.25}, x...)))
	case map[string]float64:
		v.Set(reflect.ValueOf(map[string]float64{"norm": 0.125}))
	default:
		panic(v.Type().String())
	}
}

// Each key of each kind of run enters the ids it should, and no other.
func TestWhatEntersTheIDs(t *testing.T) {
	neither := map[string]bool{"model.preset": true, "data.paths": true, "data.tokenizer_model": true, "init.from": true, "train.log_every": true, "train.checkpoint_every": true, "train.keep_checkpoints": true, "train.digest_every": true, "method.name": true}
	onlyRun := map[string]bool{"train.layerwise": true, "train.activation_checkpointing": true, "diagnostics.subspace": true, "diagnostics.after": true, "diagnostics.nth_refresh": true}
	d := Digests{Data: "d", Tokenizer: "t"}
	for _, inst := range everyKind(t) {
		numbers, run := inst.Run.NumbersID(d), inst.Run.RunID(d)
		for _, f := range allFields() {
			if ok, _ := inst.Run.applies(f.key); !ok || f.key == "train.state_dtype" && !inst.Run.Method.keepsState() {
				continue
			}
			changed := inst.Run
			change(f.value(reflect.ValueOf(&changed).Elem()))
			numbersMoved, runMoved := changed.NumbersID(d) != numbers, changed.RunID(d) != run
			if want := !neither[f.key] && !onlyRun[f.key]; numbersMoved != want {
				t.Errorf("%s: %s changes NumbersID: %v, want %v", inst.Label, f.key, numbersMoved, want)
			}
			if want := !neither[f.key]; runMoved != want {
				t.Errorf("%s: %s changes RunID: %v, want %v", inst.Label, f.key, runMoved, want)
			}
		}
		for _, other := range []Digests{{Data: "e", Tokenizer: "t"}, {Data: "d", Tokenizer: "u"}, {Data: "d", Tokenizer: "t", Init: "w"}} {
			if inst.Run.NumbersID(other) == numbers || inst.Run.RunID(other) == run {
				t.Errorf("%s: digests %+v change no id", inst.Label, other)
			}
		}
	}
}

func TestIDsAreDistinct(t *testing.T) {
	seen := make(map[string]string)
	for _, inst := range everyKind(t) {
		for _, id := range []string{inst.Run.NumbersID(Digests{}), inst.Run.RunID(Digests{})} {
			if len(id) != 64 {
				t.Errorf("id %q", id)
			}
			if other, twice := seen[id]; twice {
				t.Errorf("%s and %s share an id", inst.Label, other)
			}
			seen[id] = inst.Label
		}
	}
}

// A preset and the same fields written out are the same run, and so are runs of
// which one spells out the defaults.
func TestIDsMeanValues(t *testing.T) {
	a := mustLoad(t, "[model]\npreset = \"9m\"\nhidden_size = 64\nintermediate_size=176\nnum_hidden_layers=2\n[method.a]\nkind=\"galore\"\nlr=1\nrank=4\n", nil)
	b := mustLoad(t, "[method.b]\nkind=\"galore\"\nlr=1.0\nrank=4\noptimizer=\"adamw\"\nscale=0.25\nupdate_proj_gap=200\nproj_type=\"std\"\ntrain.warmup_steps=10\n", nil)
	if a.Runs[0].Run.RunID(Digests{}) != b.Runs[0].Run.RunID(Digests{}) {
		t.Error("spelling out defaults changed the id")
	}
}

// The ids of old results must stay: a change of this test's value makes them
// all unreachable. A new key must be left out while it has its default.
func TestGoldenID(t *testing.T) {
	runs := everyKind(t)
	d := Digests{Data: "sha256:aa", Tokenizer: "sha256:bb"}
	text := ""
	for _, inst := range runs[:7] {
		text += inst.Label + "\n" + inst.Run.NumbersID(d) + "\n" + inst.Run.RunID(d) + "\n" + string(inst.Run.canonical(d, func(f field) bool { return f.run })) + "\n"
	}
	golden(t, "testdata/ids.golden", text)
}

func TestGapJSON(t *testing.T) {
	for _, g := range []Gap{1, 200, Never} {
		text, err := g.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var back Gap
		if err := back.UnmarshalJSON(text); err != nil || back != g {
			t.Errorf("%v → %s → %v (%v)", g, text, back, err)
		}
	}
	var g Gap
	for _, bad := range []string{`"often"`, `-5`, `1.5`, `null2`} {
		if err := g.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// The format of state is no part of a run that keeps none in it.
func TestStateDtypeWithoutState(t *testing.T) {
	for text, matters := range map[string]bool{
		"kind=\"adamw\"\nlr=1\n":                                   true,
		"kind=\"adamw8bit\"\nlr=1\n":                               false,
		"kind=\"sgd\"\nlr=1\nmomentum=0.0\n":                       false,
		"kind=\"sgd\"\nlr=1\n":                                     true,
		"kind=\"adafactor\"\nlr=1\n":                               false,
		"kind=\"adafactor\"\nlr=1\nmomentum=0.9\n":                 true,
		"kind=\"galore\"\nrank=4\nlr=1\noptimizer=\"adamw8bit\"\n": true,
		"kind=\"lora\"\nrank=4\nlr=1\noptimizer=\"adamw8bit\"\n":   false,
	} {
		r := mustLoad(t, "[method.a]\n"+text, nil).Runs[0].Run
		s := r
		s.Train.StateDtype = BFloat16
		if got := r.NumbersID(Digests{}) != s.NumbersID(Digests{}); got != matters {
			t.Errorf("%q: state_dtype matters is %v, want %v", text, got, matters)
		}
	}
}

// Imported weights are a protocol's or a method's setting; beside it a method
// keeps its own key init.
func TestInitFrom(t *testing.T) {
	text := "[init]\nfrom=\"weights\"\n[method.a]\nkind=\"adamw\"\nlr=1\n[method.b]\nkind=\"galore\"\nrank=4\nlr=1\ninit.from=\"others\"\n" +
		"[method.c]\nkind=\"lowrank\"\nrank=4\nlr=1\ninit=\"spectral\"\n[method.d]\nkind=\"lowrank\"\nrank=4\nlr=1\ninit.from=\"!unset\"\n"
	var got []string
	for _, inst := range mustLoad(t, text, nil).Runs {
		got = append(got, inst.Run.Init.From+"|"+inst.Run.Method.Init)
	}
	if want := []string{"weights|", "others|", "weights|spectral", "|matched"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for text, want := range map[string]string{
		"[init]\nfrom=\"weights\"\n[method.a]\nkind=\"lowrank\"\nrank=4\nlr=1\n":                      `write init = "spectral"`,
		"[init]\nform=\"weights\"\n[method.a]\nkind=\"adamw\"\nlr=1\n":                                `did you mean "from"?`,
		"init=\"weights\"\n[method.a]\nkind=\"adamw\"\nlr=1\n":                                        "write [init]",
		"[method.a]\nkind=\"adamw\"\nlr=1\ninit=\"spectral\"\n":                                       "init needs kind lowrank",
		"[init]\nfrom=\" \"\n[method.a]\nkind=\"adamw\"\nlr=1\n":                                      "from names no folder",
		"[sweep]\n\"init.from\"=[\"a\", 3]\n[method.a]\nkind=\"adamw\"\nlr=1\ntrain.warmup_steps=0\n": "from takes a string",
	} {
		if _, err := loadText(t, text, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

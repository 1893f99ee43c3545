package bench

import (
	"strings"
	"testing"
)

func TestSelectSections(t *testing.T) {
	list, err := selectSections([]string{"step", "machine"})
	if err != nil || len(list) != 2 || list[0].name != "machine" || list[1].name != "step" {
		t.Errorf("%v, %v", list, err)
	}
	if list, err = selectSections(nil); err != nil || len(list) != len(Sections()) {
		t.Errorf("all: %v, %v", list, err)
	}
}

func TestCheckSuggests(t *testing.T) {
	good := Options{Presets: []string{"130m", Quick}, Tokens: 2048}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		`unknown section "gem"; did you mean "gemm"?`:        func(o *Options) { o.Sections = []string{"gem"} },
		`unknown section "x"; choose from machine, gemm`:     func(o *Options) { o.Sections = []string{"x"} },
		`unknown preset "13m"; did you mean `:                func(o *Options) { o.Presets = []string{"13m"} },
		`unknown library "openbla"; did you mean "openblas"`: func(o *Options) { o.Compare = []string{"openbla"} },
		`1000 tokens are no whole number`:                    func(o *Options) { o.Tokens = 1000 },
		`did you mean "rank"?`:                               func(o *Options) { o.Set = []string{"method.galore.rnk=3"} },
	} {
		o := good
		change(&o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Every preset has runs of all methods, at a batch of all tokens.
func TestBodies(t *testing.T) {
	for _, name := range Presets() {
		b, err := Options{Tokens: 2048}.body(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(b.runs) != 5 {
			t.Errorf("%s has %d runs", name, len(b.runs))
		}
		for _, r := range b.runs {
			if n := r.Train.TotalBatchSize * r.Train.MaxLength; n != 2048 {
				t.Errorf("%s: %d tokens", name, n)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	before := parseLoad([]byte("cpu  100 0 20 800 10 0 0 5 7 7\ncpu0 1 1 1 1\n"), []byte("42 (a) b) R 1 2 3 4 5 6 7 8 9 10 30 10 0 0 20 0\n"))
	if before != (load{total: 935, busy: 125, own: 40}) {
		t.Fatalf("%+v", before)
	}
	after := before
	after.total, after.busy, after.own = before.total+200, before.busy+150, before.own+130
	if got := before.until(after); got != 0.1 {
		t.Errorf("others took %v of the time, want a tenth", got)
	}
	if got := before.until(before); got != -1 {
		t.Errorf("no time has passed: %v, want unknown", got)
	}
}

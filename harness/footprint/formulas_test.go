package footprint_test

import (
	"strings"
	"testing"

	"ranklab/harness/footprint"
)

// The formulas as they are printed give the numbers that are computed, for
// square, tall and wide weights.
func TestFormulas(t *testing.T) {
	for _, shape := range [][2]int{{96, 96}, {136, 96}, {96, 136}} {
		out, in := shape[0], shape[1]
		for _, f := range footprint.Formulas() {
			m := f.Method
			m.Rank = 48 // no tensor is too small for 8 bits
			values := map[rune]int64{'m': 96, 'n': int64(max(out, in)), 'r': 48, 'b': int64(m.Block)}
			value := func(formula string) int64 {
				if formula == "" {
					return 0
				}
				p := parser{text: []rune(formula), values: values}
				v := p.sum()
				if len(p.text) > 0 {
					t.Errorf("%s: %q is left of %q", f.Label, string(p.text), formula)
				}
				return v
			}
			width := int64(2) // of a value of the state
			if m.Block > 0 {
				width = 1
			}
			got := footprint.Example(out, in, m)
			want := [4]int64{2 * value(f.Weights), 2 * value(f.Gradients), width * value(f.State), 2 * value(f.Projectors)}
			if [4]int64{got.AllWeights(), got.Gradients, got.State, got.Projectors} != want {
				t.Errorf("%s, %d × %d: %+v, the formulas give %d", f.Label, out, in, got, want)
			}
		}
	}
}

// A parser evaluates formulas: sums of products, as "2mn+8⌈mn/b⌉" or "r(m+n)".
type parser struct {
	text   []rune
	values map[rune]int64
}

func (p *parser) accept(r rune) bool {
	if len(p.text) == 0 || p.text[0] != r {
		return false
	}
	p.text = p.text[1:]
	return true
}

func (p *parser) sum() int64 {
	v := p.product()
	for p.accept('+') {
		v += p.product()
	}
	return v
}

func (p *parser) product() int64 {
	v := int64(1)
	for len(p.text) > 0 && !strings.ContainsRune("+/)⌉", p.text[0]) {
		v *= p.factor()
	}
	return v
}

func (p *parser) factor() int64 {
	switch {
	case p.accept('('):
		v := p.sum()
		p.accept(')')
		return v
	case p.accept('⌈'):
		v := p.sum()
		p.accept('/')
		b := p.product()
		p.accept('⌉')
		return (v + b - 1) / b
	}
	r := p.text[0]
	p.text = p.text[1:]
	if r >= '1' && r <= '9' {
		return int64(r - '0')
	}
	v := p.values[r]
	if p.accept('²') {
		return v * v
	}
	return v
}

package spec

import (
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// documents are TOML texts at the edges of the grammar.
func documents() []string {
	return []string{
		"", "\n", "a", "a=", "a=1", "a=1 # c", "a.b.c=1\na.b.d=2", "a.b=1\na.b.c=2", "a=1\na.b=2", "a={b=1}\na.c=2", "a={b=1}\n[a.c]", "a={b.c=1, b.d=2}",
		"[a]\nb=1\n[a]\nc=2", "[a.b]\nx=1\n[a]\ny=2", "[a.b]\n[a]\nb.c=1", "[a]\nb.c=1\n[a.b]", "[a]\nb.c=1\n[a.b.d]", "[[a]]\nx=1\n[[a]]\nx=2\n[a.b]\ny=1", "[a]\n[[a]]",
		"[[a]]\n[a]", "a=[1]\n[[a]]", "a=[1,2,\n3,]", "a=[[1],[2,[3]]]", "a=[{b=1},{b=2}]", "a='x'\nb=\"\"\"y\n\"\"\"\nc='''z'''", "a=1979-05-27T07:32:00Z", "a=07:32:00",
		"a=+1_000\nb=0xff\nc=0o17\nd=0b1", "a=9223372036854775807", "a=9223372036854775808", "a=1e400", "a=nan\nb=-inf\nc=+inf", "a=1.0e-3", "a=01", "a=1__0", "a=\"\\u00e9\"",
		"a=\"\\", "a=\"", "[", "[a", "[a]]", "[[a]", "[]", "=1", "a.=1", ".a=1", "a..b=1", "\"\"=1", "'a.b'=1", "\"a b\".c=1", "\xff", "a=\"\xff\"", "# \x00", "a={b=1,}", "a={\n}", "\uFEFFa=1", "a=tru", "a=true1",
		"a=" + strings.Repeat("[", 40) + strings.Repeat("]", 40), strings.Repeat("a.", 40) + "b=1", "extends='x.toml'", "extends=['protocol.toml','protocol.toml']",
	}
}

// What go-toml refuses is refused; what it accepts and parse refuses is one of
// the few cases listed here.
func TestParseAgreesWithTOML(t *testing.T) {
	for _, text := range documents() {
		var want map[string]any
		tomlErr := toml.Unmarshal([]byte(text), &want)
		problems := &collector{}
		parse(newSource("x.toml", text), problems)
		err := problems.err()
		stricter := strings.Count(text, "[") >= 40 || strings.Count(text, ".") >= 40 // nesting
		if tomlErr != nil && err == nil {
			t.Errorf("%q was accepted; go-toml: %v", text, tomlErr)
		}
		if tomlErr == nil && err != nil && !stricter {
			t.Errorf("%q was refused: %v", text, err)
		}
	}
}

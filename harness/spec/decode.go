package spec

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// A misfit says why a value does not fit its key.
type misfit struct{ message, suggestion, hint string }

// decode sets field f of run from a value; sub is the key below a map. Nothing
// is converted but integers where floats are wanted.
func (f *field) decode(run *Run, sub string, n *node) *misfit {
	v := f.value(reflect.ValueOf(run).Elem())
	if v.Kind() == reflect.Map {
		var x float64
		if m := decodeValue(shortKey(f.key)+"."+sub, reflect.ValueOf(&x).Elem(), n); m != nil {
			return m
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(reflect.ValueOf(sub), reflect.ValueOf(x))
		return nil
	}
	return decodeValue(shortKey(f.key), v, n)
}

func decodeValue(name string, v reflect.Value, n *node) *misfit {
	if v.Type() == reflect.TypeFor[Gap]() {
		return decodeGap(name, v, n)
	}
	switch v.Kind() {
	case reflect.Int:
		if n.kind == intNode {
			v.SetInt(n.num)
			return nil
		}
		if n.kind == floatNode && n.flt == math.Trunc(n.flt) && math.Abs(n.flt) < 1e15 {
			return &misfit{fmt.Sprintf("%s takes an integer, not %s", name, n.describe()), "write " + strconv.FormatInt(int64(n.flt), 10), ""}
		}
		return unfit(name, "an integer", n)
	case reflect.Float64:
		x := n.flt
		if n.kind == intNode {
			x = float64(n.num)
		} else if n.kind != floatNode {
			return unfit(name, "a number", n)
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return &misfit{fmt.Sprintf("%s must be a finite number, not %s", name, n.text), "", ""}
		}
		v.SetFloat(x)
		return nil
	case reflect.Bool:
		if n.kind != boolNode {
			return unfit(name, "true or false", n)
		}
		v.SetBool(n.bit)
		return nil
	case reflect.String:
		if n.kind != stringNode {
			return unfit(name, "a string", n)
		}
		v.SetString(n.str)
		return nil
	case reflect.Slice:
		return decodeList(name, v, n)
	}
	panic("spec: " + name + " has a type that TOML values cannot take")
}

func decodeList(name string, v reflect.Value, n *node) *misfit {
	what := "a list of strings"
	switch v.Type().Elem().Kind() {
	case reflect.Float64:
		what = "a list of numbers"
	case reflect.Int:
		what = "a list of integers"
	}
	if n.kind != arrayNode {
		m := unfit(name, what, n)
		if n.text != "" && n.kind != dateNode {
			m.suggestion = "write [" + quoteBare(n) + "]"
		}
		return m
	}
	if len(n.items) == 0 {
		v.SetZero() // nil, so that written and read runs are equal
		return nil
	}
	list := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		if m := decodeValue(name, list.Index(i), item); m != nil {
			return &misfit{fmt.Sprintf("%s takes %s; element %d is %s", name, what, i+1, item.describe()), "", ""}
		}
	}
	v.Set(list)
	return nil
}

func decodeGap(name string, v reflect.Value, n *node) *misfit {
	switch {
	case n.kind == intNode && n.num >= 1 && n.num <= maxInt:
		v.SetInt(n.num)
		return nil
	case n.kind == stringNode && n.str == "never":
		v.SetInt(int64(Never))
		return nil
	case n.kind == intNode:
		return &misfit{fmt.Sprintf("%s must be at least 1 update, or \"never\"; is %d", name, n.num), "", ""}
	case n.kind == stringNode:
		return &misfit{fmt.Sprintf("%s takes a number of updates, or \"never\", not %s", name, n.describe()), "", ""}
	}
	return unfit(name, `a number of updates, or "never"`, n)
}

func unfit(name, want string, n *node) *misfit {
	m := &misfit{message: fmt.Sprintf("%s takes %s, not %s", name, want, n.describe())}
	if n.kind == arrayNode {
		m.hint = "to sweep over several values, move the list to a sweep table: [sweep] or [method.NAME.sweep]"
	}
	return m
}

// quoteBare writes a value as TOML: the bare words of -S get their quotes.
func quoteBare(n *node) string {
	if n.kind == stringNode && !strings.HasPrefix(n.text, `"`) && !strings.HasPrefix(n.text, "'") {
		return strconv.Quote(n.str)
	}
	return n.text
}

package view

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// plain brings a value of a setting into one of the forms that compare with
// ==: nil, bool, float64 or string. Numbers of all types become float64, so
// that 200 read from TOML equals 200 read from JSON; lists and tables become
// their JSON text.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, float64, string:
		return v
	case encoding.TextMarshaler:
		if text, err := v.MarshalText(); err == nil {
			return string(text)
		}
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return float64(rv.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return float64(rv.Uint())
	case reflect.Float32, reflect.Float64:
		return rv.Float()
	case reflect.String:
		return rv.String()
	case reflect.Bool:
		return rv.Bool()
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// accepted lists the plain values that a where entry accepts: those of a list,
// or the one value.
func accepted(v any) []any {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice {
		return []any{plain(v)}
	}
	values := []any{plain(v)} // a setting may itself be a list
	for i := range rv.Len() {
		values = append(values, plain(rv.Index(i).Interface()))
	}
	return values
}

// Format writes a plain value for people: 200, 0.001, 3e-05, never. A missing
// value is a dash.
func Format(v any) string {
	switch v := plain(v).(type) {
	case nil:
		return "–"
	case float64:
		return formatNumber(v)
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func formatNumber(x float64) string {
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e9) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// Number writes a finite number in full, for a program to read.
func Number(v float64) string {
	if a := math.Abs(v); a >= 1e-4 && a < 1e15 || a == 0 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// compareValues orders plain values: missing ones, numbers ascending, then
// text and truth values, which all count as equal so that a stable sort keeps
// the order of the experiment.
func compareValues(a, b any) int {
	class := func(v any) int {
		switch v.(type) {
		case nil:
			return 0
		case float64:
			return 1
		}
		return 2
	}
	if c := class(a) - class(b); c != 0 {
		return c
	}
	if x, ok := a.(float64); ok {
		y := b.(float64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
	}
	return 0
}

// distinct returns the different values in order of first appearance, sorted
// by compareValues.
func distinct(values []any) []any {
	var list []any
	for _, v := range values {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, compareValues)
	return list
}

package spec

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A checker reports problems of one run at the places its values came from.
type checker struct {
	problems *collector
	values   map[string]*node     // keys that were given a value
	bad      map[string]bool      // keys whose value could not be read: already reported
	fallback func(key string) pos // for keys that nobody wrote
	method   string               // the table's name, in an experiment
}

func (c *checker) isSet(key string) bool { return c.bad[key] || c.values[key] != nil }

// skip reports whether one of the keys is unreadable, so that what depends on
// it says nothing new.
func (c *checker) skip(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return c.bad[key] })
}

// place returns the first of the keys' values that somebody wrote.
func (c *checker) place(keys []string) pos {
	for _, key := range keys {
		if n := c.values[key]; n != nil {
			return n.pos
		}
	}
	return c.fallback(keys[0])
}

func (c *checker) fail(key, format string, args ...any) {
	c.failHint([]string{key}, "", format, args...)
}

// failAt reports at the first of the keys that was given a value, and marks the
// others in the hint when they come from elsewhere.
func (c *checker) failAt(keys []string, format string, args ...any) {
	at, hint := c.place(keys), ""
	for _, key := range keys {
		n := c.values[key]
		if n == nil || n.pos == at {
			continue
		}
		if hint != "" {
			hint += ", "
		}
		hint += shortKey(key) + " is set at " + n.pos.String()
	}
	c.problems.add(at, "", hint, format, args...)
}

func (c *checker) failHint(keys []string, hint, format string, args ...any) {
	c.problems.add(c.place(keys), "", hint, format, args...)
}

// misplaced reports a key that has no meaning in the run. A value that another
// file set is taken away rather than removed.
func (c *checker) misplaced(key, needs string) {
	n, hint := c.values[key], ""
	if src := n.place().src; !src.from.isZero() || c.overridden() {
		hint = fmt.Sprintf(`%s = "!unset" takes away the value that is set here`, axisName(key))
	}
	c.problems.add(n.place(), "", hint, "%s needs %s", shortKey(key), needs)
}

// overridden reports whether the command line set something.
func (c *checker) overridden() bool {
	for _, n := range c.values {
		if n.pos.src != nil && n.pos.src.order > maxFiles {
			return true
		}
	}
	return false
}

// require reports a key that has no default and no value.
func (c *checker) require(key, what string) {
	if !c.isSet(key) {
		c.missing(key, what)
	}
}

func (c *checker) missing(key, hint string) {
	section, name, _ := strings.Cut(key, ".")
	if section == "method" && c.method != "" {
		section += "." + c.method
	}
	c.problems.add(c.fallback(key), "", hint, "[%s] lacks %s", section, name)
}

// number reports a value that breaks a rule. Keys that nobody set have a sound
// default, or are reported as missing.
func (c *checker) number(ok bool, key, rule string, value any) {
	if !ok && c.isSet(key) && !c.skip(key) {
		c.fail(key, "%s must %s, is %v", shortKey(key), rule, value)
	}
}

// maxInt bounds every integer of a run.
const maxInt = 1_000_000_000

func (c *checker) atLeast(key string, value, least int) {
	if value > maxInt {
		c.number(false, key, fmt.Sprintf("be at most %d", maxInt), value)
		return
	}
	c.number(value >= least, key, fmt.Sprintf("be at least %d", least), value)
}

func (c *checker) positive(key string, value float64) {
	c.number(value > 0 && !math.IsInf(value, 0), key, "be positive", value)
}

func (c *checker) notNegative(key string, value float64) {
	c.number(value >= 0 && !math.IsInf(value, 0), key, "not be negative", value)
}

// fraction holds value in [0, 1).
func (c *checker) fraction(key string, value float64) {
	c.number(value >= 0 && value < 1, key, "lie in [0, 1)", value)
}

// between holds value strictly between low and high.
func (c *checker) between(key string, value, low, high float64) {
	c.number(value > low && value < high, key, fmt.Sprintf("lie between %v and %v", low, high), value)
}

func (c *checker) oneOf(key, value string, options ...string) {
	if slices.Contains(options, value) || !c.isSet(key) || c.skip(key) {
		return
	}
	suggestion, _ := didYouMean(value, options)
	c.problems.add(c.place([]string{key}), suggestion, "choose from "+joinOr(options), "unknown %s %q", shortKey(key), value)
}

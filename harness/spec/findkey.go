package spec

import (
	"fmt"
	"slices"
	"strings"
)

// FindKey returns the dotted key of a run that a name means: itself, or the one
// key that ends in it ("lr" is "method.lr"). "method.galore.lr", as an experiment
// writes it, also names the method.
func FindKey(name string) (key, method string, err error) {
	all := allKeys()
	if slices.Contains(all, name) {
		return name, "", nil
	}
	var found []string
	for _, key := range all {
		if shortKey(key) == name || strings.HasSuffix(key, "."+name) {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 1:
		return found[0], "", nil
	case 0:
	default:
		return "", "", fmt.Errorf("key %q is one of several: %s", name, joinOr(found))
	}
	if rest, ok := cutSection(name, "method"); ok {
		if method, short, ok := strings.Cut(rest, "."); ok {
			for _, key := range []string{"method." + short, short} {
				if slices.Contains(all, key) {
					return key, method, nil
				}
			}
		}
	}
	short := name[strings.LastIndexByte(name, '.')+1:]
	var names []string
	for _, key := range all {
		names = append(names, shortKey(key))
	}
	if suggestion, _ := didYouMean(short, names); suggestion != "" {
		return "", "", fmt.Errorf("no key %q: %s", name, suggestion)
	}
	return "", "", fmt.Errorf("no key %q: keys look like train.steps, method.lr or lr", name)
}

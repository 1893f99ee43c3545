// Package spec turns experiment files (TOML) into fully resolved runs.
//
// The path of a file:
//
//	text → tree       parse.go    every value keeps its file, line and column
//	     → one tree   merge.go    extends, depth-first: later wins, "!unset" deletes
//	     → points     expand.go   methods × axes, and cases: lists of assignments
//	     → runs       resolve.go  assignments decoded strictly, defaults filled in
//	     → checks     *.go        beside each section's struct and defaults
//
// Every stage reports all the problems it finds, each at its place, and carries
// on; [Load] returns them together. Where several places give a key a value,
// the strongest wins, from weak to strong: a section, the same section of a
// file that extends it, the method's table, an axis, a case, the command line.
package spec

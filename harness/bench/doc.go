// Package bench measures this machine and what ranklab makes of it: every
// operation of a training step, whole steps, and what surrounds them, each as a
// share of the measured limit of the machine.
//
// A measurement goes through these stages:
//
//	names → sections   sections.go  which to run, in the order of [Sections]
//	      → bodies     body.go      a preset becomes resolved runs, one per method
//	      → limits     limits.go    the peak and the bandwidth, again and again
//	      → samples    sample.go    timed runs, each with the limit next to it
//	      → figures    report.go    medians, spreads, shares; what --json prints
//
// Two rules keep the figures comparable on a machine that others use too.
// A share compares a run with the limit that was measured closest before it.
// Contestants take turns (A B C A B C …), and are compared within a round.
package bench

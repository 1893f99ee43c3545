// Package failpoint names places at which tests kill the program, to see that
// the next start carries on.
//
// In a program built with -tags failpoint and started with
//
//	RANKLAB_FAILPOINT=NAME:N
//
// the Nth call of Here(NAME) kills the process as kill -9 does: nothing is
// flushed, closed or unlocked. In every other program Here is empty.
package failpoint

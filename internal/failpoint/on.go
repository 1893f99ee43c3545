//go:build failpoint

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// wanted is the place and the number of the call that kills; it is read once.
var wanted, number = func() (string, int64) {
	name, n, _ := strings.Cut(os.Getenv("RANKLAB_FAILPOINT"), ":")
	number, err := strconv.ParseInt(n, 10, 64)
	if name != "" && err != nil {
		panic("RANKLAB_FAILPOINT takes NAME:N")
	}
	return name, number
}()

// calls counts those of the wanted place.
var calls atomic.Int64

// Here kills the process if it is its turn.
func Here(name string) {
	if name != wanted || calls.Add(1) != number {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until the signal arrives
}

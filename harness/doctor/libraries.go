package doctor

import (
	"runtime"

	"ranklab/harness/bench/blas"
)

// libraries says which of the libraries are there that bench compares products
// with. Nothing else uses them.
func (e *examination) libraries() {
	threads := runtime.GOMAXPROCS(0)
	for _, name := range blas.Names() {
		f := Finding{Subject: name, Level: OK, Values: map[string]any{"found": false}}
		if l, err := blas.Open(name, threads); err != nil {
			f.Text = err.Error() + "; `ranklab bench` leaves it out"
		} else {
			f.Text = l.String() + "; `ranklab bench` compares with it"
			f.Values = map[string]any{"found": true, "version": l.Version, "core": l.Core, "threads": l.Threads}
		}
		e.find(f)
	}
}

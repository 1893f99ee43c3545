package report

import (
	"io"
	"math"
	"strings"

	"ranklab/harness/view"
)

// A TuningRow is a learning rate that was tried for a method.
type TuningRow struct {
	Method      string
	LR          float64
	EffectiveLR float64 // NaN if the method has none
	Loss        float64 // on the selection set, mean over the seeds
	Diverged    bool    // of a run at least
	Chosen      bool
	IDs         []string // of its runs
}

// tuningHeader names the cells of a TuningRow.
func tuningHeader() []string {
	return []string{"method", "effective learning rate", "learning rate", "loss on the selection set", "perplexity", "", "runs"}
}

// cells writes a row for people.
func (r TuningRow) cells() []string {
	effective, loss, ppl, mark := nothing, nothing, nothing, ""
	if !math.IsNaN(r.EffectiveLR) {
		effective = view.Format(r.EffectiveLR)
	}
	switch {
	case r.Diverged:
		mark = "diverged"
	case r.Chosen:
		mark = "chosen"
	}
	if !r.Diverged && !math.IsNaN(r.Loss) {
		loss, ppl = measure(r.Loss), measure(math.Exp(r.Loss))
	}
	return []string{r.Method, effective, view.Format(r.LR), loss, ppl, mark, strings.Join(r.IDs, " ")}
}

// WriteTuning writes how the loss of each method depends on its learning rate.
func WriteTuning(w io.Writer, rows []TuningRow) error {
	s := sheet{header: tuningHeader(), text: 1}
	method := ""
	for _, r := range rows {
		if method != "" && r.Method != method {
			s.rows = append(s.rows, make([]string, len(s.header)))
		}
		method = r.Method
		s.rows = append(s.rows, r.cells())
	}
	return s.write(w, Text)
}

package train

// A Message is what a training process tells the process that started it: one
// line of JSON on standard output at each log row and change of phase.
type Message struct {
	Phase           string  `json:"phase"` // "start" | "train" | "eval" | "done" | "diverged" | "stopped"
	Step            int     `json:"step"`
	Steps           int     `json:"steps"`
	Loss            float64 `json:"loss,omitempty"`
	PPL             float64 `json:"ppl,omitempty"` // of the last evaluation
	TokensPerSecond float64 `json:"tokens_per_second,omitempty"`
	RSSBytes        int64   `json:"rss_bytes,omitempty"`
	PeakBytes       int64   `json:"peak_bytes,omitempty"`
	Detail          string  `json:"detail,omitempty"`
}

// Exit codes of a training process, shared with the whole command line.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitMismatch    = 4   // a verification found a difference, a claim fails, or a contract is broken
	ExitBusy        = 69  // another process is writing the run
	ExitRequeue     = 75  // stopped with a checkpoint, by SIGTERM or by the end of the terminal or pipe
	ExitInterrupted = 130 // stopped with a checkpoint, by Ctrl-C
)

package record

import (
	"encoding/json"
	"math"
)

// A Float is a number that may have diverged: JSON has no NaN and no infinity,
// so both are written as null, and null is read as NaN.
type Float float64

// MarshalJSON implements [json.Marshaler].
func (f Float) MarshalJSON() ([]byte, error) {
	if !f.Finite() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Float) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*f = Float(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(f))
}

// Finite reports whether f is neither NaN nor infinite.
func (f Float) Finite() bool { return !math.IsNaN(float64(f)) && !math.IsInf(float64(f), 0) }

// The splits of evaluations: the set that results are reported on, and the one
// that trials of a learning rate are chosen on.
const (
	Validation = "validation"
	Select     = "select"
)

// The kinds of rows in metrics.jsonl.
const (
	trainKind = "train"
	evalKind  = "eval"
	eventKind = "event"
)

// A TrainRow is the training loss of one update.
type TrainRow struct {
	K          string `json:"k"`    // "train"; set by the writer
	Step       int    `json:"step"` // updates applied, this one included
	TokensSeen int64  `json:"tokens_seen"`
	Positions  int64  `json:"positions"` // with padding
	Loss       Float  `json:"loss"`      // mean over the batch's target tokens, nats, before the update
	LR         Float  `json:"lr"`
	GradNorm   Float  `json:"grad_norm"` // global L2 norm before clipping
}

// An EvalRow is one evaluation over a fixed set.
type EvalRow struct {
	K           string `json:"k"` // "eval"; set by the writer
	Step        int    `json:"step"`
	TokensSeen  int64  `json:"tokens_seen"`
	Positions   int64  `json:"positions"`
	Split       string `json:"split"`         // Validation | Select
	Loss        Float  `json:"loss"`          // token-weighted mean, nats
	PPL         Float  `json:"ppl"`           // exp(Loss)
	BitsPerByte Float  `json:"bits_per_byte"` // summed loss / ln 2 / bytes of text
	PPLGalore77 Float  `json:"ppl_galore77"`  // estimator of the reference implementation, GaLore#77
	Targets     int64  `json:"targets"`       // target tokens evaluated
}

// Evaluated reports whether the row is one of an evaluation: a run that
// diverged before its first has none, and its summary a row without targets.
func (r EvalRow) Evaluated() bool { return r.Targets > 0 }

// An EventRow is something worth knowing that happened after an update: a
// merge, a refresh that lost orthogonality, divergence.
type EventRow struct {
	K      string         `json:"k"` // "event"; set by the writer
	Step   int            `json:"step"`
	Name   string         `json:"name"`
	Detail map[string]any `json:"detail,omitempty"`
}

// A Row is one line of metrics.jsonl of whatever kind.
type Row struct {
	K      string                     `json:"k"`
	Step   int                        `json:"step"`
	Fields map[string]json.RawMessage `json:"-"` // K and Step among them
}

// A DigestRow is one line of digests.jsonl: the weights and the method's state
// after an update. Digests are SHA-256, in hex.
type DigestRow struct {
	Step    int    `json:"step"`    // updates applied
	Weights string `json:"weights"` // over the digests of all weights
	State   string `json:"state"`   // over the digests of all states
	// Tensors holds the first 8 digits of the digest of each tensor, weights in
	// the model's order and then states in the method's: enough to name the
	// tensor in which two runs differ.
	Tensors []string `json:"tensors"`
}

// A TimingRow is one line of attempts/N/timing.jsonl: what differs from
// machine to machine and is therefore kept out of metrics.jsonl.
type TimingRow struct {
	Step            int   `json:"step"`
	ElapsedS        Float `json:"elapsed_s"` // of training and evaluation, over all attempts
	TokensPerSecond Float `json:"tokens_per_second"`
	RSSBytes        int64 `json:"rss_bytes,omitempty"`  // resident now
	PeakBytes       int64 `json:"peak_bytes,omitempty"` // the largest so far
}

// Metrics holds the rows of metrics.jsonl in order.
type Metrics struct {
	Train  []TrainRow
	Eval   []EvalRow // on the set that results are reported on
	Events []EventRow
	Select []EvalRow // on the selection set, which no figure or table of results shows
}

// finite returns v with every NaN and infinity inside replaced by nil, for
// values of any type that are about to become JSON.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if !Float(v).Finite() {
			return nil
		}
	case float32:
		return finite(float64(v))
	case map[string]any:
		clean := make(map[string]any, len(v))
		for key, value := range v {
			clean[key] = finite(value)
		}
		return clean
	case []any:
		clean := make([]any, len(v))
		for i, value := range v {
			clean[i] = finite(value)
		}
		return clean
	case []float64:
		clean := make([]any, len(v))
		for i, value := range v {
			clean[i] = finite(value)
		}
		return clean
	}
	return v
}

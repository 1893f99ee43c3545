package bench

import (
	"time"

	"ranklab/harness/bench/blas"
	"ranklab/harness/record"
	"ranklab/internal/memory"
)

// Schema is the version of the report as JSON.
const Schema = 1

// A Report is everything that one call measured. docs/performance.md describes
// the fields; they are only ever added to within a schema.
type Report struct {
	Schema      int            `json:"schema"`
	Time        time.Time      `json:"time"`
	Machine     Machine        `json:"machine"`
	Program     Program        `json:"program"`
	Settings    Settings       `json:"settings"`
	Libraries   []blas.Library `json:"libraries"`
	Clock       *Clock         `json:"clock,omitempty"` // of the section machine
	Limits      []Limit        `json:"limits"`
	Figures     []Figure       `json:"figures"`
	Means       []Mean         `json:"means"`
	Occupancies []Occupancy    `json:"occupancies,omitempty"` // of the section memory
	Notes       []string       `json:"notes"`
	Others      float64        `json:"others"`                // share of the processors' time that other programs took; -1 = unknown
	Interrupted bool           `json:"interrupted,omitempty"` // stopped before the end
}

// A Machine is what the figures were measured on.
type Machine struct {
	CPU        record.CPU `json:"cpu"`
	OS         string     `json:"os"`
	Arch       string     `json:"arch"`
	ISA        string     `json:"isa"`         // of the measured kernels
	Peak       string     `json:"peak_isa"`    // of the peak: the widest there is
	Threads    int        `json:"threads"`     // of every contestant
	CacheBytes int64      `json:"cache_bytes"` // of the last level; 0 = unknown
}

// A Program is what was measured.
type Program struct {
	Revision  string `json:"revision"`
	Dirty     bool   `json:"dirty"`
	GoVersion string `json:"go_version"`
}

// Settings are the choices of the call.
type Settings struct {
	Sections []string `json:"sections"`
	Presets  []string `json:"presets"`
	Tokens   int      `json:"tokens"`  // rows of activations
	Runs     int      `json:"runs"`    // of a figure, at most
	Seconds  float64  `json:"seconds"` // of a figure, about
	Set      []string `json:"set"`     // overrides of the runs
}

// A Clock is the clock rate of a core while it multiplies, in terms of its rate
// with integers only.
type Clock struct {
	Registers float64 `json:"registers"` // on registers, as the peak
	Caches    float64 `json:"caches"`    // with operands from the caches, as a product
}

// The limits that figures are held against.
const (
	Peak      = "peak"      // multiply-adds per second, in registers
	Bandwidth = "bandwidth" // bytes per second, of arrays larger than the caches
)

// A Limit is one measurement of what the machine can do.
type Limit struct {
	Kind    string  `json:"kind"` // Peak or Bandwidth
	Rate    float64 `json:"rate"` // GFLOP/s or GB/s, best of several windows
	Section string  `json:"section"`
	Before  string  `json:"before"` // the figure that follows
	Seconds float64 `json:"at_s"`   // since the start of the measurement
}

// A Figure is one measured thing. Rates and shares are per run; their spread is
// over the runs.
type Figure struct {
	Section string `json:"section"`
	Preset  string `json:"preset,omitempty"`
	Name    string `json:"name"`              // operation, linear modules or method
	Product string `json:"product,omitempty"` // gemm: NN, NT or TN
	Shape   []int  `json:"shape,omitempty"`   // gemm: m, n, k; ops: rows, columns
	By      string `json:"by"`                // ranklab, or a library

	Work    float64 `json:"work"`           // FLOP, bytes, tokens or matrices of one call
	Unit    string  `json:"unit"`           // of the rate: GFLOP/s, GB/s, tokens/s or matrices/s
	Rule    string  `json:"rule,omitempty"` // by which Work was counted, where there are several
	Seconds Spread  `json:"seconds"`        // of one call
	Rate    Spread  `json:"rate"`
	Limit   string  `json:"limit,omitempty"`      // Peak or Bandwidth
	LimitAt float64 `json:"limit_rate,omitempty"` // median of the limits next to the runs, in Unit
	Share   *Spread `json:"share,omitempty"`      // of the limit, 1 = all of it

	// Relative is the speed in terms of ranklab's, round by round (libraries).
	Relative *Spread `json:"relative,omitempty"`

	// Of steps.
	TokensPerSecond *Spread                   `json:"tokens_per_second,omitempty"`
	Mallocs         *Spread                   `json:"mallocs,omitempty"` // heap objects per step
	Memory          map[memory.Category]int64 `json:"memory,omitempty"`  // registered bytes

	// Of refreshes: seconds in terms of a forward and backward pass of Tokens.
	Passes float64 `json:"passes,omitempty"`

	// Of parallel runs.
	Processes int     `json:"processes,omitempty"`
	Alone     *Spread `json:"alone,omitempty"`   // tokens/s of one process while the others rest
	Speedup   *Spread `json:"speedup,omitempty"` // all together in terms of one alone; Processes is ideal
}

// A Mean is the geometric mean over the products of a preset, each product
// counted once.
type Mean struct {
	Preset   string  `json:"preset"`
	Product  string  `json:"product"` // NN, NT, TN or all
	By       string  `json:"by"`
	Products int     `json:"products"`
	Rate     float64 `json:"rate"` // GFLOP/s
	Share    float64 `json:"share"`
	Relative float64 `json:"relative"`
}

// of completes a figure from its samples.
func (f Figure) of(samples []sample) Figure {
	scale := 1.0
	if f.Unit == gflops || f.Unit == gigabytes {
		scale = 1e9
	}
	f.Seconds = spread(each(samples, func(s sample) float64 { return s.seconds }))
	f.Rate = spread(each(samples, func(s sample) float64 { return f.Work / s.seconds / scale }))
	if f.Limit != "" {
		share := spread(each(samples, func(s sample) float64 { return f.Work / s.seconds / s.limit }))
		f.Share = &share
		f.LimitAt = spread(each(samples, func(s sample) float64 { return s.limit / scale })).Median
	}
	return f
}

// The units of rates.
const (
	gflops          = "GFLOP/s"
	gigabytes       = "GB/s"
	tokensPerSecond = "tokens/s"
	matrices        = "matrices/s"
)

// means averages the products of a preset, for each contestant that has them
// all, by way of transposing and over all.
func means(preset string, figures []Figure) []Mean {
	var order []string
	groups := map[[2]string][]Figure{}
	for _, f := range figures {
		if f.Section != "gemm" || f.Preset != preset {
			continue
		}
		if _, seen := groups[[2]string{f.By, "all"}]; !seen {
			order = append(order, f.By)
		}
		for _, product := range []string{f.Product, "all"} {
			key := [2]string{f.By, product}
			groups[key] = append(groups[key], f)
		}
	}
	var list []Mean
	for _, by := range order {
		for _, product := range []string{"NT", "NN", "TN", "all"} {
			g := groups[[2]string{by, product}]
			if len(g) == 0 || len(g) != len(groups[[2]string{ours, product}]) {
				continue
			}
			m := Mean{Preset: preset, Product: product, By: by, Products: len(g), Relative: 1}
			var rate, share, relative []float64
			for _, f := range g {
				rate, share = append(rate, f.Rate.Median), append(share, f.Share.Median)
				if f.Relative != nil {
					relative = append(relative, f.Relative.Median)
				}
			}
			m.Rate, m.Share = geometricMean(rate), geometricMean(share)
			if len(relative) > 0 {
				m.Relative = geometricMean(relative)
			}
			list = append(list, m)
		}
	}
	return list
}

// ours is the name of the contestant that is this program.
const ours = "ranklab"

package record

// Tune is the stage of a run by which a learning rate is chosen. Results are those
// of runs without a stage.
const Tune = "tune"

// A Rate says where a method of a sweep has its learning rate from.
type Rate struct {
	Method string `json:"method"`
	LR     Float  `json:"lr"`
	From   string `json:"from,omitempty"`   // "quick:galore": whose tuned rate it is; "" if the experiment's file gives it
	Lock   string `json:"lock,omitempty"`   // file:line of the tuned rate
	Trials int    `json:"trials,omitempty"` // rates that were tried to find it
	Edge   string `json:"edge,omitempty"`   // "low" | "high": it is the lowest or the highest of them; "none"
	// TrialSteps is the number of updates of a trial, and Steps are those of the
	// method's runs, if they are others.
	TrialSteps int   `json:"trial_steps,omitempty"`
	Steps      []int `json:"steps,omitempty"`
	Stale      bool  `json:"stale,omitempty"` // it was found for other settings of the same experiment
}

// Reported returns the runs whose results count.
func (s Sweep) Reported() []SweepRun { return s.ofStage("") }

// Trials returns the runs by which learning rates were chosen.
func (s Sweep) Trials() []SweepRun { return s.ofStage(Tune) }

func (s Sweep) ofStage(stage string) []SweepRun {
	var list []SweepRun
	for _, r := range s.Runs {
		if r.Stage == stage {
			list = append(list, r)
		}
	}
	return list
}

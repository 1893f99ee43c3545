package cli

import (
	"encoding/json"
	"fmt"

	"ranklab/corpus"
	"ranklab/harness/plan"
)

type dataCmd struct {
	experimentArg `embed:""`
	JSON          bool `name:"json" help:"Print JSON for a program to read."`
}

func (c dataCmd) Run(v *env) error {
	e, err := c.load()
	if err != nil {
		return err
	}
	stage := stageProgress(v.stderr, v.terminal())
	defer stage.end()
	seen := map[string]bool{}
	summaries := []corpus.Summary{}
	for _, inst := range e.Runs {
		s := inst.Run
		if err := s.Data.Require(); err != nil {
			return err
		}
		set, err := plan.Corpus(v.ctx, s, v.cache, stage.update)
		if err != nil {
			return err
		}
		summary := set.Describe(s.Data.Packing, s.Train.MaxLength, int64(s.Train.Steps*s.Train.TotalBatchSize))
		set.Close()
		key := fmt.Sprint(summary.Manifest.Digest, summary.Manifest.Tokenizer.Digest, s.Data.Packing, s.Train.MaxLength, summary.RunSequences)
		if !seen[key] {
			seen[key] = true
			summaries = append(summaries, summary)
		}
	}
	stage.end()
	if c.JSON {
		enc := json.NewEncoder(v.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(summaries)
	}
	for i, s := range summaries {
		if i > 0 {
			fmt.Fprintln(v.stdout)
		}
		fmt.Fprint(v.stdout, s)
	}
	return nil
}

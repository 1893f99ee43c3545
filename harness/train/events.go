package train

import (
	"ranklab/harness/record"
	"ranklab/optim"
)

// events records what the method did in this update: merges, resets and
// warnings as rows; refreshes, of which a run has thousands, by their time.
func (t *training) events() error {
	reporter, ok := t.method.(optim.Reporter)
	if !ok {
		return nil
	}
	for _, e := range reporter.Events() {
		t.at.RefreshS += e.Seconds
		if e.Kind == "refresh" && e.Warning == "" {
			continue
		}
		detail := make(map[string]any, len(e.Values)+1)
		for name, v := range e.Values {
			detail[name] = v
		}
		if e.Warning != "" {
			detail["warning"] = e.Warning
			t.log.Warn(e.Warning, "step", t.at.Step, "event", e.Kind)
		}
		if err := t.writer.Event(record.EventRow{Step: t.at.Step, Name: e.Kind, Detail: detail}); err != nil {
			return err
		}
	}
	return nil
}

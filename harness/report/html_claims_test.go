package report

import "testing"

func TestVerdictClass(t *testing.T) {
	for result, want := range map[string]string{"PASS": "pass", "HOLDS": "pass", "FAIL": "fail", "BROKEN": "fail", "INCONCLUSIVE": "open", "": "open"} {
		if got := verdictClass(result); got != want {
			t.Errorf("%q is shown as %q, want %q", result, got, want)
		}
	}
}

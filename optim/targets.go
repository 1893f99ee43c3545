package optim

import (
	"fmt"
	"slices"

	"ranklab/models"
)

// ValidateTargets checks the roles of the linear modules that a low-rank
// method works on: attn and mlp, in any combination. None named means both.
func ValidateTargets(targets []models.Role) error {
	for _, r := range targets {
		if r != models.Attention && r != models.MLP {
			return fmt.Errorf("targets: %q is not %q or %q", r, models.Attention, models.MLP)
		}
	}
	return nil
}

// Targeted reports whether modules of the role are among the targets.
func Targeted(targets []models.Role, r models.Role) bool {
	return len(targets) == 0 || slices.Contains(targets, r)
}

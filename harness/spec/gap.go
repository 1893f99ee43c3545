package spec

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A Gap is a number of updates, or Never.
type Gap int

// Never is the gap written "never": a basis is computed once and kept.
const Never Gap = -1

// String returns "never" or the number.
func (g Gap) String() string {
	if g == Never {
		return "never"
	}
	return strconv.Itoa(int(g))
}

// MarshalJSON writes a number, or "never".
func (g Gap) MarshalJSON() ([]byte, error) {
	if g == Never {
		return []byte(`"never"`), nil
	}
	return []byte(g.String()), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (g *Gap) UnmarshalJSON(data []byte) error {
	if string(data) == `"never"` {
		*g = Never
		return nil
	}
	var n int
	if err := json.Unmarshal(data, &n); err != nil || n < 0 {
		return fmt.Errorf("gap %s: want a number of updates or \"never\"", data)
	}
	*g = Gap(n)
	return nil
}

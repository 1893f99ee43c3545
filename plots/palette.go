package plots

import "fmt"

// CategoryColour returns the colour of a category of memory as SVG writes it, for
// a page that shows categories beside figures.
func CategoryColour(category string) string {
	c := categoryColour(category)
	return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
}

package view

// Kinds lists the kinds of figure.
func Kinds() []string { return []string{Line, Bar, StackedBar, HeatMap, Frontier} }

// KindsWith lists the kinds of figure that a key of [[figure]] means something
// for: nil stands for all of them.
func KindsWith(key string) []string {
	switch key {
	case "stack":
		return []string{StackedBar}
	case "z", "zscale":
		return []string{HeatMap}
	case "band", "raw":
		return []string{Line}
	case "yscale":
		return []string{Line, Bar, Frontier}
	case "xscale":
		return []string{Line, Bar, StackedBar, Frontier}
	case "group":
		return []string{Line, Bar, Frontier}
	case "facet", "baseline":
		return []string{Line, Bar, HeatMap, Frontier}
	}
	return nil
}

// Bands lists the values of Figure.Band.
func Bands() []string { return []string{"ci95", NoBand} }

// NoBand is the value of Figure.Band that leaves intervals out.
const NoBand = "none"

// Formats lists the values of Figure.Formats in the order in which files are
// written.
func Formats() []string { return []string{"svg", "png", "pdf"} }

// Along reports whether a figure shows what happens along a run: its x axis is
// no property of a run but a clock.
func (f Figure) Along() bool {
	return f.Source == "" && f.Kind == Line && (IsCurve(f.X) || f.X == "seconds")
}

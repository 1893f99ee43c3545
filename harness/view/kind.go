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
	case "reference":
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

// PartColumns lists the columns that a figure may have on its axes and that are no
// columns of a run: what exists along it, in its ledger, or in what was seen of its
// subspaces.
func (f Figure) PartColumns() []string {
	switch {
	case f.Source != "" && f.Source != TuneSource: // or something that should be Subspace
		return append(SubspaceColumns(), SubspaceResults()...)
	case f.Along():
		return append([]string{"step", "tokens_seen", "positions", "seconds"}, curveResults()...)
	case f.Kind == StackedBar:
		return []string{"bytes"}
	}
	return nil
}

// Along reports whether a figure shows what happens along a run: its x axis is
// no property of a run but a clock.
func (f Figure) Along() bool {
	return f.Source == "" && f.Kind == Line && (IsCurve(f.X) || f.X == "seconds")
}

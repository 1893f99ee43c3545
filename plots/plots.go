// Package plots draws figures. It knows charts, colours and pages, and nothing
// of training.
//
// A figure is drawn from the same commands as SVG, as PNG at twice the usual
// resolution and as PDF, and its data is written beside it as CSV. Drawing the
// same data again gives the same bytes.
package plots

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"ranklab/harness/view"
	"ranklab/internal/atomicfile"
)

// Size of a figure. A4 and letter pages leave this much width for text. A
// figure grows taller when its legend needs it, up to some hundred entries.
const (
	width     = 7 * vg.Inch
	minHeight = 4.2 * vg.Inch
	maxHeight = 100 * vg.Inch
	dpi       = 2 * vgimg.DefaultDPI
)

// WriteFigures evaluates and draws the declared figures over the finished rows of
// an experiment, of which pending runs have no result yet. For a figure with id ID
// it writes dir/fig-ID.svg, .png, .pdf and .csv, or those of them that its
// declaration asks for, and returns their paths.
//
// Notes name the figures that were left out although nothing is wrong with
// their declarations, and the values that a drawn figure asks for and no run
// has. The files of a figure that was left out are removed: they would show an
// earlier state. A figure that cannot be drawn does not stop the others: the error names
// every one of them.
func WriteFigures(dir string, declared view.Declarations, rows []view.Row, pending int) (paths, notes []string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, f := range declared.Figures {
		base := filepath.Join(dir, "fig-"+f.ID)
		chart, err := declared.Query(f, rows, pending)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if chart.Skip != "" {
			notes = append(notes, fmt.Sprintf("figure %q is not drawn: %s", f.ID, chart.Skip))
			if err := remove(base, "svg", "png", "pdf", "csv"); err != nil {
				errs = append(errs, err)
			}
			continue
		}
		for _, text := range chart.Absent {
			notes = append(notes, fmt.Sprintf("figure %q: %s", f.ID, text))
		}
		written, err := Write(base, chart)
		paths = append(paths, written...)
		if err != nil {
			errs = append(errs, err)
		}
	}
	return paths, notes, errors.Join(errs...)
}

// A file is one form of a figure.
type file struct {
	ext  string
	draw func(view.Chart) ([]byte, error)
}

// files lists the forms of a figure in the order in which they are written.
func files() []file { return []file{{"svg", SVG}, {"png", PNG}, {"pdf", PDF}, {"csv", CSV}} }

// remove deletes the files of a figure with some extensions, as far as there
// are any.
func remove(base string, extensions ...string) error {
	var errs []error
	for _, ext := range extensions {
		if err := os.Remove(base + "." + ext); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Write draws a chart and writes base.svg, .png, .pdf and .csv; without those
// pictures that the figure does not ask for, which are removed if they are there
// from earlier. It returns the paths of what it wrote.
func Write(base string, chart view.Chart) (paths []string, err error) {
	wanted := chart.Figure.Formats
	if len(wanted) == 0 {
		wanted = view.Formats()
	}
	data := map[string][]byte{}
	for _, f := range files() {
		if f.ext != "csv" && !slices.Contains(wanted, f.ext) {
			continue
		}
		if data[f.ext], err = f.draw(chart); err != nil {
			return nil, err
		}
	}
	for _, f := range files() {
		if data[f.ext] == nil {
			if err := remove(base, f.ext); err != nil {
				return paths, err
			}
			continue
		}
		if err := atomicfile.Write(base+"."+f.ext, data[f.ext]); err != nil {
			return paths, err
		}
		paths = append(paths, base+"."+f.ext)
	}
	return paths, nil
}

// SVG draws a chart as an SVG document.
func SVG(chart view.Chart) ([]byte, error) {
	data, err := paint(chart, func(height vg.Length) vg.CanvasWriterTo { return vgsvg.New(width, height) })
	// The text was measured in Liberation Sans. Arial and Helvetica have the
	// same widths, for readers whose computer lacks it.
	return bytes.ReplaceAll(data, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")), err
}

// PNG draws a chart as a PNG image.
func PNG(chart view.Chart) ([]byte, error) {
	return paint(chart, func(height vg.Length) vg.CanvasWriterTo {
		return vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}
	})
}

// paint lays a chart out on a canvas of the height it needs. gonum/plot panics
// where it meets data that it cannot place; here that becomes an error naming
// the figure.
func paint(chart view.Chart, canvas func(height vg.Length) vg.CanvasWriterTo) (data []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			data, err = nil, fmt.Errorf("figure %q: cannot be drawn: %v", chart.Figure.ID, p)
		}
	}()
	d, err := newDrawing(chart)
	if err != nil {
		return nil, fmt.Errorf("figure %q: %w", chart.Figure.ID, err)
	}
	height := d.height()
	if height > maxHeight {
		return nil, fmt.Errorf("figure %q: its title, legend and notes need %.0f inches: tell fewer series apart, or shorten their labels", chart.Figure.ID, height/vg.Inch)
	}
	c := canvas(height)
	d.layOut(draw.NewCanvas(c, width, height))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %q: %w", chart.Figure.ID, err)
	}
	return b.Bytes(), nil
}

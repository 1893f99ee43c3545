package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"
)

// inlineSVG turns an SVG document into a part of a page. It is read and written
// again, and only what draws gets through: a figure holds labels that come from
// anybody's files. Names of places begin with prefix, so that figures do not
// share any. Styles become attributes, since the page allows no other style than
// its own; sizes go, so that the figure takes the width that there is.
func inlineSVG(document []byte, prefix, title, description string) (template.HTML, error) {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(visible(document)))
	depth, skipped := 0, 0 // open elements; those inside one that is left out
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("figure as SVG: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			if skipped > 0 || !slices.Contains(svgElements(), name) || depth == 0 && name != "svg" {
				skipped++
				continue
			}
			b.WriteString("<" + name)
			if depth == 0 {
				fmt.Fprintf(&b, ` role="img" aria-labelledby="%[1]s-title %[1]s-desc"`, html.EscapeString(prefix))
			}
			for _, a := range svgAttributes(token.Attr, prefix, depth == 0) {
				fmt.Fprintf(&b, ` %s="%s"`, a.Name.Local, html.EscapeString(a.Value))
			}
			b.WriteString(">")
			if depth == 0 {
				fmt.Fprintf(&b, "<title id=\"%[1]s-title\">%[2]s</title><desc id=\"%[1]s-desc\">%[3]s</desc>\n",
					html.EscapeString(prefix), html.EscapeString(title), html.EscapeString(description))
			}
			depth++
		case xml.EndElement:
			if skipped > 0 {
				skipped--
				continue
			}
			depth--
			b.WriteString("</" + token.Name.Local + ">")
		case xml.CharData:
			if skipped == 0 && depth > 0 {
				b.WriteString(html.EscapeString(string(token)))
			}
		}
	}
	return template.HTML(b.String()), nil
}

// svgElements are the elements that draw.
func svgElements() []string {
	return []string{
		"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "image",
		"defs", "clipPath", "linearGradient", "radialGradient", "stop", "pattern", "marker", "use", "symbol",
	}
}

// drawingAttribute tells the attributes that say where and how to draw.
var drawingAttribute = regexp.MustCompile(`^(x|y|x1|y1|x2|y2|cx|cy|fx|fy|dx|dy|r|rx|ry|d|points|width|height|viewBox|preserveAspectRatio|transform|offset|` +
	`fill|fill-opacity|fill-rule|stroke|stroke-[a-z]+|opacity|clip-path|clip-rule|color|stop-color|stop-opacity|visibility|` +
	`font-family|font-size|font-style|font-variant|font-weight|letter-spacing|text-anchor|dominant-baseline|` +
	`gradientUnits|gradientTransform|patternUnits|patternTransform|clipPathUnits|id|href)$`)

// placeInFigure finds references to places of the same document.
var placeInFigure = regexp.MustCompile(`url\(\s*["']?#([^"')]*)["']?\s*\)`)

// svgAttributes returns the attributes of an element that may stay.
func svgAttributes(list []xml.Attr, prefix string, root bool) []xml.Attr {
	var out []xml.Attr
	add := func(name, value string) {
		value = placeInFigure.ReplaceAllString(value, "url(#"+prefix+"-$1)")
		switch {
		case !drawingAttribute.MatchString(name):
			return
		case strings.Contains(strings.ReplaceAll(strings.ToLower(value), "url(#"+strings.ToLower(prefix)+"-", ""), "url("):
			return // of something outside
		case root && (name == "width" || name == "height"):
			return
		case name == "id":
			value = prefix + "-" + value
		case name == "href" && strings.HasPrefix(value, "#"):
			value = "#" + prefix + "-" + value[1:]
		case name == "href" && !strings.HasPrefix(value, "data:image/"):
			return
		}
		if !slices.ContainsFunc(out, func(a xml.Attr) bool { return a.Name.Local == name }) {
			out = append(out, xml.Attr{Name: xml.Name{Local: name}, Value: value})
		}
	}
	for _, a := range list {
		if a.Name.Local != "style" || a.Name.Space != "" {
			continue // first: a style wins over an attribute
		}
		for rule := range strings.SplitSeq(a.Value, ";") {
			if name, value, ok := strings.Cut(rule, ":"); ok {
				add(strings.TrimSpace(name), strings.TrimSpace(value))
			}
		}
	}
	for _, a := range list {
		if a.Name.Space == "" || a.Name.Space == "http://www.w3.org/1999/xlink" {
			add(a.Name.Local, a.Value)
		}
	}
	return out
}

package plots

import (
	"image/color"

	"gonum.org/v1/plot/vg/draw"

	"ranklab/harness/view"
	"ranklab/internal/memory"
)

// ofKind gives each kind of method its colour and marker, the same in every
// figure. The colours are those of Okabe and Ito, which stay apart for people
// with any form of colour blindness; full-rank training, the reference, is
// black.
func ofKind(kind string) look {
	switch kind {
	case "adamw":
		return look{colour: rgb(0x1a1a1a), marker: disc()}
	case "adamw8bit":
		return look{colour: rgb(0x8c8c8c), marker: hollow(disc()), dashes: 1}
	case "galore":
		return look{colour: rgb(0xd55e00), marker: square()} // vermillion
	case "lora":
		return look{colour: rgb(0x56b4e9), marker: triangle()} // sky blue
	case "relora":
		return look{colour: rgb(0x0072b2), marker: diamond()} // blue
	case "lowrank":
		return look{colour: rgb(0x009e73), marker: nabla()} // bluish green
	case "sgd":
		return look{colour: rgb(0xe69f00), marker: hollow(disc())} // orange
	case "adafactor":
		return look{colour: rgb(0xcc79a7), marker: hollow(square())} // reddish purple
	}
	return look{colour: rgb(0x7f7f7f), marker: hollow(diamond())}
}

// categoryColour gives each category of memory its colour, from Paul Tol's
// muted scheme, so that no category looks like a method.
func categoryColour(category string) color.NRGBA {
	switch memory.Category(category) {
	case memory.Weights:
		return rgb(0x332288)
	case memory.Adapters:
		return rgb(0x88ccee)
	case memory.Gradients:
		return rgb(0xddcc77)
	case memory.OptimizerState:
		return rgb(0xcc6677)
	case memory.Projectors:
		return rgb(0x882255)
	case memory.Activations:
		return rgb(0x117733)
	case memory.Scratch:
		return rgb(0x999933)
	}
	return rgb(0xbbbbbb)
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 255}
}

// fade returns c at the given opacity.
func fade(c color.NRGBA, alpha uint8) color.NRGBA {
	c.A = alpha
	return c
}

// mix returns c moved by a share of the way towards other.
func mix(c, other color.NRGBA, share float64) color.NRGBA {
	blend := func(a, b uint8) uint8 {
		return uint8(float64(float64(a)*(1-share)) + float64(float64(b)*share) + 0.5)
	}
	return color.NRGBA{R: blend(c.R, other.R), G: blend(c.G, other.G), B: blend(c.B, other.B), A: c.A}
}

// shade returns one of n shades of a colour, from dark to light; a single one
// is the colour itself. What is nearly black gets no darker.
func shade(c color.NRGBA, i, n int) color.NRGBA {
	if n <= 1 {
		return c
	}
	at := float64(i) / float64(n-1) // 0 dark, 1 light
	if max(c.R, c.G, c.B) < 0x40 {
		return mix(c, rgb(0xffffff), 0.6*at)
	}
	if at < 0.5 {
		return mix(c, rgb(0x000000), 0.55*(1-2*at))
	}
	return mix(c, rgb(0xffffff), 0.42*(2*at-1))
}

// A look is how one series is drawn.
type look struct {
	colour color.NRGBA
	marker draw.GlyphDrawer
	dashes int // index of a dash pattern
	place  int // among the looks of a drawing
}

// looks gives every series the look of its kind of method. Several series of
// one kind get shades of its colour and are told apart by marker and dashes
// too, so that a grey print still reads; if one of them is named like the
// kind, it keeps the kind's own look.
func looks(series []view.Series) []look {
	count, own := map[string]int{}, map[string]int{}
	for _, s := range series {
		count[s.Kind]++
		if s.Method == s.Kind {
			own[s.Kind]++
		}
	}
	list := make([]look, len(series))
	seen := map[string]int{}
	for i, s := range series {
		l := ofKind(s.Kind)
		switch n := count[s.Kind]; {
		case n == 1 || own[s.Kind] == 1 && s.Method == s.Kind:
		case own[s.Kind] == 1:
			seen[s.Kind]++
			k := seen[s.Kind]
			l = look{colour: mix(l.colour, rgb(0xffffff), 0.5*float64(k)/float64(n-1)), marker: marker(k + 4), dashes: k}
		default:
			k := seen[s.Kind]
			l = look{colour: shade(l.colour, k, n), marker: marker(k), dashes: k}
			seen[s.Kind]++
		}
		list[i] = l
	}
	return list
}

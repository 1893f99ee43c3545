package tensor

import "testing"

func TestEmbed(t *testing.T) {
	d := newDevice(t, Auto, 2)
	tokens := []int32{4, 0, 4, 2, 4}
	table, dy := drawn("table", 6, 35), drawn("dy", 5, 35)
	y, dtable := drawn("y", 5, 35), drawn("dtable", 6, 35)
	d.Embed(y, table, tokens)
	d.EmbedBackward(dtable, dy, tokens)
	x, g := wide(table), wide(dy)
	want, dwant := make([]float64, 5*35), make([]float64, 6*35)
	for n, v := range tokens {
		for i := range 35 {
			want[n*35+i] = x[int(v)*35+i]
			dwant[int(v)*35+i] += g[n*35+i]
		}
	}
	near(t, "y", y, want, 0)
	near(t, "dtable", dtable, dwant, 1e-6)
	for _, bad := range []int32{-1, 6} {
		mustPanic(t, "token", func() { d.Embed(y, table, []int32{0, 0, bad, 0, 0}) })
	}
	mustPanic(t, "length", func() { d.Embed(y, table, tokens[:4]) })
}

func TestEmbedThreads(t *testing.T) {
	var tokens []int32
	for i := range 900 {
		tokens = append(tokens, int32(i*i%50))
	}
	onThreads(t, func(d *Device) []Matrix {
		y, dtable := drawn("y", 900, 100), drawn("dtable", 50, 100)
		d.Embed(y, drawn("table", 50, 100), tokens)
		d.EmbedBackward(dtable, drawn("dy", 900, 100), tokens)
		return []Matrix{y, dtable}
	})
}

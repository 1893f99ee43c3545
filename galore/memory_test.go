package galore_test

import (
	"testing"

	"ranklab/galore"
	"ranklab/internal/memory"
	"ranklab/internal/random"
	"ranklab/models"
	"ranklab/optim"
	"ranklab/optim/optimtest"
	"ranklab/tensor"
)

// The reference configs at the paper's ranks: P = 7Ldr and moments
// 2Lr(4d + 3f) of the projected weights, two moments of everything else. The
// other side stores less.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		preset                                string
		rank                                  int
		projectors, moments, rest, reverseAll int64
	}{
		{"60m", 128, 3670016, 12648448, 32776704, 79217664},
		{"130m", 256, 16515072, 56623104, 49171200, 159684096},
		{"350m", 256, 44040192, 151191552, 65586176, 294848512},
		{"1b", 512, 176160768, 603955200, 131172352, 916643840},
		{"7b", 1024, 939524096, 3238002688, 262410240, 4022870016},
	} {
		config := galore.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: c.rank, UpdateProjGap: 200, Scale: 0.25}
		elements := func() map[memory.Category]int64 {
			m, err := galore.New(config)
			if err != nil {
				t.Fatal(err)
			}
			return optimtest.Elements(t, m, c.preset)
		}
		std := elements()
		if got := std[memory.Projectors]; got != c.projectors {
			t.Errorf("%s: %d elements of projectors, want %d", c.preset, got, c.projectors)
		}
		if got := std[memory.OptimizerState]; got != c.moments+2*c.rest {
			t.Errorf("%s: %d elements of state, want %d", c.preset, got, c.moments+2*c.rest)
		}
		config.ProjType = galore.ReverseStd
		reverse := elements()
		if got := reverse[memory.Projectors] + reverse[memory.OptimizerState]; got != c.reverseAll {
			t.Errorf("%s, reverse_std: %d elements, want %d", c.preset, got, c.reverseAll)
		}
	}
}

// Bases of 130m at rank 256 in 8 and 4 bits: 16,515,072 values in 84 tensors of
// 768 blocks each.
func TestBasisBytes(t *testing.T) {
	for dtype, want := range map[galore.DType]int64{
		galore.Float32: 4 * 16515072, galore.BFloat16: 2 * 16515072, galore.Int8: 16515072 + 5*84*768, galore.Int4: 16515072/2 + 5*84*768,
	} {
		m, err := galore.New(galore.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 256, UpdateProjGap: 200, Scale: 0.25, ProjectorDType: dtype})
		if err != nil {
			t.Fatal(err)
		}
		if got := optimtest.Bytes(t, m, "130m", tensor.Precision{})[memory.Projectors]; got != want {
			t.Errorf("%s: %d bytes, want %d", dtype, got, want)
		}
	}
}

// A rotation needs the old bases, Q and one first moment, during a refresh only.
func TestRotationScratch(t *testing.T) {
	scratch := func(moments galore.Moments) (always, refresh int64) {
		m, err := galore.New(galore.Config{Base: optim.Base{Rule: optim.DefaultAdamW()}, Rank: 256, UpdateProjGap: 200, Scale: 0.25, ProjType: galore.Full, Moments: moments})
		if err != nil {
			t.Fatal(err)
		}
		config, _ := models.Preset("130m")
		l, model := memory.Predict(), models.New(config)
		d := tensor.NewDevice(tensor.Options{Threads: 1})
		defer d.Close()
		if err := m.Attach(model, optim.Env{Device: d, Ledger: l, Key: random.New(1), Steps: 100}); err != nil {
			t.Fatal(err)
		}
		return l.During(memory.Always), l.During(memory.Refresh)
	}
	always, before := scratch(galore.Carry)
	same, refresh := scratch(galore.Rotate)
	if want := int64(4 * (2*2048*256 + 2*256*256 + 256*256)); always != same || refresh-before != want {
		t.Errorf("a rotation takes %d bytes in a refresh and %d otherwise, want %d and none", refresh-before, same-always, want)
	}
}

// 8-bit GaLore at 130m, rank 256: moments of 8 bits, projectors of bfloat16.
func TestEightBitBytes(t *testing.T) {
	m, err := galore.New(galore.Config{Base: optim.Base{Rule: optim.DefaultAdamW8bit()}, Rank: 256, UpdateProjGap: 200, Scale: 0.25})
	if err != nil {
		t.Fatal(err)
	}
	books := optimtest.Bytes(t, m, "130m", tensor.Precision{BFloat16: true})
	if got := books[memory.OptimizerState] + books[memory.Projectors]; got != 190531584 {
		t.Errorf("%d bytes of state, want 190,531,584", got)
	}
}

package optim_test

import (
	"math"
	"testing"

	"ranklab/optim"
)

func schedule(t *testing.T) func(optim.Schedule, error) optim.Schedule {
	return func(s optim.Schedule, err error) optim.Schedule {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func golden(t *testing.T, name string, s optim.Schedule, tolerance float64, want map[int]float64) {
	t.Helper()
	for u, μ := range want {
		if got := s(u); math.Abs(got-μ) > tolerance {
			t.Errorf("%s: μ(%d) = %.10f, want %.10f", name, u, got, μ)
		}
	}
}

func TestSchedules(t *testing.T) {
	must := schedule(t)
	h := optim.Horizon{Steps: 20000, Warmup: 2000, MinLRRatio: 0.1}
	golden(t, "cosine", must(optim.Cosine(h)), 1e-10, map[int]float64{
		0: 0, 1: 0.0005, 1999: 0.9995, 2000: 1, 6500: 0.8681980515, 11000: 0.55, 15500: 0.2318019485, 19999: 0.1000000069,
		20000: 0, -1: 0,
	})
	golden(t, "linear", must(optim.Linear(h)), 1e-12, map[int]float64{0: 0, 1000: 0.5, 2000: 1, 11000: 0.55, 20000: 0})
	golden(t, "constant", must(optim.Constant(h)), 0, map[int]float64{0: 0, 1000: 0.5, 2000: 1, 19999: 1, 20000: 0})
	golden(t, "no warm-up", must(optim.Cosine(optim.Horizon{Steps: 2})), 1e-15, map[int]float64{0: 1, 1: 0.5})
}

func TestJaggedCosine(t *testing.T) {
	must := schedule(t)
	h := optim.Horizon{Steps: 15000, Warmup: 500, MinLRRatio: 0.1}
	j := optim.Jag{CycleLength: 5000, RestartWarmup: 100}
	want := map[int]float64{
		250: 0.5, 500: 1, 4999: 0.802615, 5000: 0, 5001: 0.007944, 5050: 0.397203, 5099: 0.786462, 5100: 0.794406,
		9999: 0.339302, 10000: 0, 10100: 0.330652, 14999: 0.1,
	}
	golden(t, "jagged", must(optim.JaggedCosine(h, j)), 6e-7, want)

	// With a warm start: a plain cosine cut off, then the same schedule anew.
	warm := optim.Horizon{Steps: 20000, Warmup: 500, MinLRRatio: 0.1}
	j.FullRankSteps = 5000
	s, plain := must(optim.JaggedCosine(warm, j)), must(optim.Cosine(warm))
	for _, u := range []int{0, 250, 500, 4999} {
		if s(u) != plain(u) {
			t.Errorf("warm start: μ(%d) = %v, want %v", u, s(u), plain(u))
		}
	}
	shifted := map[int]float64{5000: 0, 20000: 0}
	for u, μ := range want {
		shifted[u+5000] = μ
	}
	golden(t, "after the warm start", s, 6e-7, shifted)

	// Without cycles inside the run it is the cosine.
	one := must(optim.JaggedCosine(h, optim.Jag{CycleLength: 15000, RestartWarmup: 100}))
	cosine := must(optim.Cosine(h))
	for u := 0; u < 15000; u += 7 {
		if math.Abs(one(u)-cosine(u)) > 1e-15 {
			t.Fatalf("one cycle: μ(%d) = %v, cosine %v", u, one(u), cosine(u))
		}
	}
	// A shift by adj moves the restarts forward,
	j = optim.Jag{CycleLength: 5000, RestartWarmup: 100, Shift: 1000}
	// and the first cycle has no restart, wherever it starts.
	golden(t, "shifted", must(optim.JaggedCosine(h, j)), 1e-15, map[int]float64{4000: cosine(5000), 4050: cosine(5050), 9000: 0, 14000: 0})
}

func TestScheduleErrors(t *testing.T) {
	good := optim.Horizon{Steps: 100, Warmup: 10}
	for _, h := range []optim.Horizon{{}, {Steps: 10, Warmup: 10}, {Steps: 10, Warmup: -1}, {Steps: 10, MinLRRatio: 1.5}} {
		if _, err := optim.Cosine(h); err == nil {
			t.Errorf("%+v is accepted", h)
		}
		if _, err := optim.JaggedCosine(h, optim.Jag{CycleLength: 1}); err == nil {
			t.Errorf("jagged %+v is accepted", h)
		}
	}
	for _, j := range []optim.Jag{
		{}, {CycleLength: 30}, {CycleLength: 5}, {CycleLength: 50, Shift: 45}, {CycleLength: 50, RestartWarmup: 51},
		{CycleLength: 50, FullRankSteps: 100}, {CycleLength: 50, FullRankSteps: 20}, {CycleLength: 5, FullRankSteps: 95},
	} {
		if _, err := optim.JaggedCosine(good, j); err == nil {
			t.Errorf("%+v is accepted", j)
		}
	}
}

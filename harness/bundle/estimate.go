package bundle

import (
	"slices"

	"ranklab/harness/spec"
	"ranklab/harness/train"
	"ranklab/internal/memory"
	"ranklab/models"
	"ranklab/tensor"
)

// A Size is what a bundle will take, in bytes, by file: without headers, and a
// little more than what a method draws and keeps at the end.
type Size map[string]int64

// Total returns the bytes of the whole bundle.
func (s Size) Total() (sum int64) {
	for _, n := range s {
		sum += n
	}
	return sum
}

// Disk returns the bytes that must be free while it is written: what is
// collected during the run is written twice.
func (s Size) Disk() int64 {
	return s.Total() + s[BatchesFile] + s[RandomFile] + s[ProjectorsFile] + s[GradientsFile]
}

// oversampling is the number of rows that a range finder draws beyond the rank.
const oversampling = 8

// Estimate returns the size of a bundle of n updates of a run.
func Estimate(s spec.Run, n int, gradients bool) (Size, error) {
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	p, err := train.Predict(s, device)
	if err != nil {
		return nil, err
	}
	bytes := p.Ledger.ByCategory()
	weights := bytes[memory.Weights] + bytes[memory.Adapters]
	t, m := s.Train, s.Method
	refreshes := int64(0)
	if m.Kind == "galore" {
		refreshes = 1
		if gap := int(m.UpdateProjGap); m.UpdateProjGap != spec.Never {
			refreshes = int64((n + gap - 1) / gap)
		}
	}
	values, err := basisValues(s, device)
	if err != nil {
		return nil, err
	}
	basis := 4 * values // as they are stored: fewer bits are widened
	if bytes[memory.Projectors] == 2*values {
		basis = 2 * values
	}
	positions := int64(t.TotalBatchSize) * int64(t.MaxLength)
	var inputs, elements, starts int64 // of the targeted modules
	for _, l := range models.New(s.Model.Config).Linears() {
		if slices.Contains(m.Targets, string(l.Role)) {
			inputs += int64(l.In)
			elements += int64(l.In) * int64(l.Out)
			starts += int64(min(l.In, l.Out)) * (int64(m.Rank) + refreshes*oversampling)
		}
	}
	size := Size{
		InitFile: weights, FinalFile: weights,
		StateFile:      bytes[memory.OptimizerState] + bytes[memory.Projectors],
		BatchesFile:    int64(n) * positions * (4 + 4 + 1),
		ProjectorsFile: refreshes * basis,
	}
	if gradients {
		size[GradientsFile] = refreshes * elements * 4
	}
	switch m.Projector {
	case "range_finder":
		bases := int64(1)
		if m.ProjType == "full" {
			bases = 2
		}
		size[RandomFile] += bases * starts * 4
	case "stiefel", "gaussian":
		size[RandomFile] += refreshes * values * 4
	}
	if m.LoraDropout > 0 {
		size[RandomFile] += int64(n) * positions * inputs
	}
	if m.Kind == "relora" {
		merges := int64(max(0, n-m.FullRankSteps) / max(1, m.MergeEvery))
		size[RandomFile] += merges * bytes[memory.Adapters]
	}
	return size, nil
}

// basisValues returns the number of values of all bases.
func basisValues(s spec.Run, device *tensor.Device) (int64, error) {
	s.Method.ProjectorDtype = spec.Float32
	p, err := train.Predict(s, device)
	if err != nil {
		return 0, err
	}
	return p.Ledger.ByCategory()[memory.Projectors] / 4, nil
}

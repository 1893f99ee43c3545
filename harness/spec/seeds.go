package spec

import "slices"

// seedPlan says which seeds each run of an experiment has.
type seedPlan struct {
	seeds      []int
	given      bool
	at         pos  // of seeds, or of the file
	init, data *int // fixed streams
	initAt     pos
	dataAt     pos
}

// readSeeds reads `seeds` (a number n stands for 0 … n−1) and the [seed] table.
func (e *expander) readSeeds() seedPlan {
	plan := seedPlan{seeds: []int{0}, at: e.root.pos}
	if n := e.root.get("seeds"); n != nil {
		plan.at, plan.given = n.place(), true
		plan.seeds = e.seedList(n)
	}
	t := e.table(e.root, "seed", "[seed]")
	if t == nil {
		return plan
	}
	for _, name := range t.names {
		n := t.children[name]
		if name != "init" && name != "data" {
			suggestion, _ := didYouMean(name, []string{"init", "data"})
			e.problems.add(n.place(), suggestion, "a [seed] table holds one stream fixed: init or data", "unknown key %q in [seed]", name)
			continue
		}
		if n.kind != intNode || n.num < 0 || n.num > maxInt {
			e.problems.add(n.pos, "", "", "seed.%s takes an integer from 0 to %d, not %s", name, maxInt, n.describe())
			continue
		}
		fixed := int(n.num)
		if name == "init" {
			plan.init, plan.initAt = &fixed, n.place()
			e.note("seed.init is fixed at %d: a seed varies the data order only", fixed)
		} else {
			plan.data, plan.dataAt = &fixed, n.place()
			e.note("seed.data is fixed at %d: a seed varies the initialisation only", fixed)
		}
	}
	if plan.init != nil && plan.data != nil && len(plan.seeds) > 1 {
		e.problems.add(plan.at, "", "remove seed.init ("+plan.initAt.String()+") or seed.data ("+plan.dataAt.String()+"), or write seeds = 1", "both streams are fixed: all %d seeds would be the same run", len(plan.seeds))
	}
	return plan
}

func (e *expander) seedList(n *node) []int {
	const most = 1000
	switch {
	case n.kind == intNode && n.num >= 1 && n.num <= most:
		seeds := make([]int, n.num)
		for i := range seeds {
			seeds[i] = i
		}
		return seeds
	case n.kind == intNode:
		e.problems.add(n.pos, "", "", "seeds = %d: between 1 and %d seeds are possible", n.num, most)
	case n.kind == arrayNode && len(n.items) > 0 && len(n.items) <= most:
		var seeds []int
		for _, item := range n.items {
			switch {
			case item.kind != intNode || item.num < 0 || item.num > maxInt:
				e.problems.add(item.pos, "", "", "a seed is an integer from 0 to %d, not %s", maxInt, item.describe())
			case slices.Contains(seeds, int(item.num)):
				e.problems.add(item.pos, "", "", "seed %d is listed twice", item.num)
			default:
				seeds = append(seeds, int(item.num))
			}
		}
		return seeds
	case n.kind == arrayNode:
		e.problems.add(n.place(), "", "", "seeds lists %d seeds: between 1 and %d are possible", len(n.items), most)
	case n.kind != invalidNode:
		e.problems.add(n.pos, "", "", "seeds takes a number of seeds or a list of seeds, not %s", n.describe())
	}
	return []int{0}
}

// of returns the streams of one seed.
func (p seedPlan) of(seed int) Seed {
	s := Seed{Init: seed, Data: seed}
	if p.init != nil {
		s.Init = *p.init
	}
	if p.data != nil {
		s.Data = *p.data
	}
	return s
}

// origins says where the streams come from.
func (p seedPlan) origins() (init, data string) {
	init = "default"
	if p.given {
		init = p.at.String()
	}
	data = init
	if p.init != nil {
		init = p.initAt.String()
	}
	if p.data != nil {
		data = p.dataAt.String()
	}
	return init, data
}

package footprint

// A Formula is the memory of one m × n weight, m ≤ n, at rank r ≤ m.
type Formula struct {
	Label  string `json:"method"`
	Method Method `json:"-"` // without its rank
	// In elements; the state of 8-bit moments in bytes, in blocks of b.
	Weights    string `json:"weights"`
	Gradients  string `json:"gradients"`
	State      string `json:"optimizer_state"`
	Projectors string `json:"projectors"`
}

// Formulas lists the formulas per weight: 2403.03507, Table 1, and the methods
// that it leaves out. A weight of LoRA includes its adapter.
func Formulas() []Formula {
	return []Formula{
		{"Full-Rank", Method{Kind: "adamw"}, "mn", "mn", "2mn", ""},
		{"GaLore", Method{Kind: "galore"}, "mn", "mn", "2nr", "mr"},
		{"GaLore, reverse_std", Method{Kind: "galore", ProjType: "reverse_std"}, "mn", "mn", "2mr", "nr"},
		{"GaLore, full", Method{Kind: "galore", ProjType: "full"}, "mn", "mn", "2r²", "r(m+n)"},
		{"Low-Rank", Method{Kind: "lowrank"}, "r(m+n)", "r(m+n)", "2r(m+n)", ""},
		{"LoRA, ReLoRA", Method{Kind: "lora"}, "mn+r(m+n)", "r(m+n)", "2r(m+n)", ""},
		{"8-bit Adam", Method{Kind: "adamw8bit", Block: 256}, "mn", "mn", "2mn+8⌈mn/b⌉", ""},
		{"8-bit GaLore", Method{Kind: "galore", Optimizer: "adamw8bit", Block: 256}, "mn", "mn", "2nr+8⌈nr/b⌉", "mr"},
		{"Adafactor", Method{Kind: "adafactor"}, "mn", "mn", "m+n", ""},
		{"Adafactor, momentum", Method{Kind: "adafactor", Momentum: true}, "mn", "mn", "m+n+mn", ""},
		{"SGD, momentum", Method{Kind: "sgd"}, "mn", "mn", "mn", ""},
	}
}

// Example returns the bytes of the exact bf16 column for one target (out, in).
func Example(out, in int, m Method) Parts {
	return m.weight(weight{1, int64(out), int64(in), true}, m.exact())
}

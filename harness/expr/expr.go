// Package expr reads the expressions of claims: comparisons of arithmetic over
// results that are selected by the settings of their runs.
//
//	claim   = and { "or" and }
//	and     = not { "and" not }
//	not     = "not" not | comparison
//	compare = sum [ ("<" | "<=" | ">" | ">=") sum ]
//	sum     = product { ("+" | "-") product }
//	product = factor { ("*" | "/") factor }
//	factor  = "-" factor | number | select | "(" claim ")" | ("min" | "max") "(" sum { "," sum } ")"
//	select  = column "[" filter { "," filter } "]"
//	filter  = method | column "=" value
//
// A column is a word, with dots where a setting has them. Methods and values are
// words of letters, digits, dots, hyphens and underscores, or quoted:
//
//	ppl[galore] <= 1.03 * ppl[adamw]
//	loss[rank=128, steps=960] < loss[rank=256, steps=480] and paper_bytes[galore] < paper_bytes[lora]
//
// The package knows neither columns nor runs: package view judges what is read
// here, and package spec checks its names.
package expr

// MaxBytes bounds an expression, and MaxDepth how deep it may nest.
const (
	MaxBytes = 4096
	MaxDepth = 64
)

// An Op says what a [Node] is.
type Op string

// The operations. A number holds Value; a selection holds Column and Filters;
// all others hold Args: one of "not" and of the negation, at least one of min
// and max, else two.
const (
	Number Op = "number"
	Select Op = "select"

	Negate   Op = "neg"
	Add      Op = "+"
	Subtract Op = "-"
	Multiply Op = "*"
	Divide   Op = "/"
	Min      Op = "min"
	Max      Op = "max"

	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="

	And Op = "and"
	Or  Op = "or"
	Not Op = "not"
)

// Compares reports whether the operation compares two numbers.
func (o Op) Compares() bool {
	return o == Less || o == LessEqual || o == Greater || o == GreaterEqual
}

// A Node is one operation, number or selection of an expression.
type Node struct {
	Op      Op
	Span    Span
	Value   float64
	Column  string
	At      Span // of Column
	Filters []Filter
	Args    []*Node
}

// Boolean reports whether the node is true or false instead of a number.
func (n *Node) Boolean() bool {
	return n.Op.Compares() || n.Op == And || n.Op == Or || n.Op == Not
}

// A Filter is one condition of a selection: the runs whose column Key has a
// value. A bare word stands for the method of that name.
type Filter struct {
	Key   string
	Value any // float64, bool or string
	Span  Span
	At    Span // of Value
	Bare  bool // written without its key
}

// A Span is a piece of the text, in bytes.
type Span struct{ Start, End int }

// Of returns the piece of the text.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// Walk calls visit for the node and all below it, in the order of the text.
func (n *Node) Walk(visit func(*Node)) {
	visit(n)
	for _, arg := range n.Args {
		arg.Walk(visit)
	}
}

// An Error says why a text is no expression.
type Error struct {
	Span       Span   // where
	Message    string //
	Suggestion string // what to write instead; may be empty
}

func (e *Error) Error() string {
	if e.Suggestion != "" {
		return e.Message + ": " + e.Suggestion
	}
	return e.Message
}

package bundle

import "ranklab/optim"

// Format names the format in a manifest.
const Format = "ranklab replay bundle"

// Version numbers the format. It is raised when a replayer written for the last
// one would go wrong.
const Version = 1

// The files of a bundle.
const (
	ManifestFile   = "manifest.json"
	SpecFile       = "spec.toml"
	TraceFile      = "trace.jsonl"
	InitFile       = "init.safetensors"
	FinalFile      = "final.safetensors"
	StateFile      = "state.safetensors"
	BatchesFile    = "batches.safetensors"
	RandomFile     = "random.safetensors"
	ProjectorsFile = "projectors.safetensors"
	GradientsFile  = "gradients.safetensors"
)

// A Manifest is the content of manifest.json: everything about the run that is
// not a tensor. docs/bundle.md describes each key.
type Manifest struct {
	Format  string  `json:"format"`
	Version int     `json:"version"`
	Program Program `json:"program"`
	Run     Run     `json:"run"`

	Updates int `json:"updates"`         // N, those that the bundle holds
	Planned int `json:"planned_updates"` // K, of the whole run: schedules count on it
	// Replayable is false where the bundle lacks something that determines the
	// numbers; Limits say what, as sentences.
	Replayable bool     `json:"replayable"`
	Limits     []string `json:"limits,omitempty"`

	Model       Model                `json:"model"`
	Settings    map[string]any       `json:"settings"` // the resolved run by section, without paths of this machine
	Conventions map[string]string    `json:"conventions"`
	Parameters  []Parameter          `json:"parameters"`
	Factors     []Factors            `json:"factors,omitempty"`
	Projected   []Projected          `json:"projected,omitempty"`
	DynamicMap  map[string][]float32 `json:"dynamic_map,omitempty"` // of 8-bit moments
	Phases      []Phase              `json:"phases"`
	Steps       []Step               `json:"steps"` // one per update
	Files       map[string]File      `json:"files"`
}

// Program identifies what wrote the bundle.
type Program struct {
	Revision        string `json:"revision,omitempty"`
	NumericsVersion int    `json:"numerics_version"`
}

// Run identifies what was replayed.
type Run struct {
	ID        string `json:"id"`
	NumbersID string `json:"numbers_id"`
	Name      string `json:"name,omitempty"`
	Data      string `json:"data_digest"`
	Tokenizer string `json:"tokenizer_digest"`
}

// Model has the keys of Hugging Face's config.json.
type Model struct {
	ModelType             string  `json:"model_type"`
	HiddenSize            int     `json:"hidden_size"`
	IntermediateSize      int     `json:"intermediate_size"`
	NumHiddenLayers       int     `json:"num_hidden_layers"`
	NumAttentionHeads     int     `json:"num_attention_heads"`
	NumKeyValueHeads      int     `json:"num_key_value_heads"`
	HeadDim               int     `json:"head_dim"`
	VocabSize             int     `json:"vocab_size"`
	MaxPositionEmbeddings int     `json:"max_position_embeddings"` // the length of the run's sequences
	RMSNormEps            float64 `json:"rms_norm_eps"`
	InitializerRange      float64 `json:"initializer_range"`
	RopeTheta             float64 `json:"rope_theta"`
	HiddenAct             string  `json:"hidden_act"`
	AttentionBias         bool    `json:"attention_bias"`
	MLPBias               bool    `json:"mlp_bias"`
	TieWordEmbeddings     bool    `json:"tie_word_embeddings"`
}

// A Parameter is one tensor of init.safetensors and final.safetensors.
type Parameter struct {
	Name    string `json:"name"`
	Shape   []int  `json:"shape"`
	DType   string `json:"dtype"` // "F32" | "BF16"
	Role    string `json:"role"`  // learning-rate group: embed_tokens, attn, mlp, norm, lm_head
	Adapter bool   `json:"adapter,omitempty"`
}

// Factors are the A and B of one linear module.
type Factors struct {
	Module string `json:"module"`
	// Kind is "adapter", beside a frozen weight, or "factored", in its place.
	Kind    string  `json:"kind"`
	A       string  `json:"a"`
	B       string  `json:"b"`
	Rank    int     `json:"rank"`
	Scale   float64 `json:"scale"`
	Dropout float64 `json:"dropout"`
}

// Projected is a weight whose gradient is projected. Left and Right name its
// bases in projectors.safetensors; a side without one is empty.
type Projected struct {
	Parameter string `json:"parameter"`
	Left      string `json:"left,omitempty"`  // (out, rank)
	Right     string `json:"right,omitempty"` // (rank, in)
	Rank      int    `json:"rank"`
	Shape     []int  `json:"shape"` // of the projected gradient, and so of its moments
}

// A Phase is a stretch of updates that train the same parameters.
type Phase struct {
	From    int      `json:"from"` // first update
	Trained []string `json:"trained"`
}

// A Step is one update.
type Step struct {
	Update int                `json:"update"` // 0-based
	LR     map[string]float64 `json:"lr"`     // by role
	// T is the time of the optimizer's formulas: of A and B ("adapters"), where
	// they are trained, of projected weights ("projected"), where a refresh starts
	// it again, and of everything else ("others").
	T         map[string]int `json:"t"`
	Targets   int            `json:"targets"`
	LossScale []float64      `json:"loss_scale"`          // per micro-batch
	Refreshed int            `json:"refreshed,omitempty"` // bases that are new in this update
	Events    []optim.Event  `json:"events,omitempty"`    // after the updates of all parameters
}

// A File is a file of the bundle.
type File struct {
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"`
	Tensors int    `json:"tensors,omitempty"`
}

// A Row is a line of trace.jsonl.
type Row struct {
	Update   int     `json:"update"`
	Loss     float64 `json:"loss"` // LossSum / Targets
	LossSum  float64 `json:"loss_sum"`
	Targets  int     `json:"targets"`
	GradNorm float64 `json:"grad_norm"`
	LR       float64 `json:"lr"`
}

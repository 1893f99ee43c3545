// Package experiments holds the experiment files that come with the binary.
// base/ has protocols: what an experiment extends.
package experiments

import "embed"

// FS holds the files by their paths below this folder: "quick.toml",
// "base/proxy-1m.toml".
//
//go:embed *.toml base/*.toml paper/*.toml proxy/*.toml
var FS embed.FS

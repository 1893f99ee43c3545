// Inputs writes the numbers that ranklab draws and PyTorch must start from:
// initial weights, tokens and targets, and the matrices that each method draws
// when it starts and at each merge.
//
//	go run ./interop/inputs -o interop/testdata/inputs.safetensors
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	"ranklab/internal/safetensors"
	"ranklab/interop"
	"ranklab/tensor"
)

func main() {
	out := flag.String("o", "interop/testdata/inputs.safetensors", "file to write")
	seed := flag.Uint64("seed", 0, "replaces the seed of cases.json when not 0")
	flag.Parse()
	if err := run(*out, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "inputs:", err)
		os.Exit(1)
	}
}

func run(out string, seed uint64) error {
	suite, err := interop.LoadSuite()
	if err != nil {
		return err
	}
	if seed != 0 {
		suite.Seed = seed
	}
	device := tensor.NewDevice(tensor.Options{Threads: 1})
	defer device.Close()
	all, err := suite.Inputs(device)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, map[string]string{"seed": fmt.Sprint(suite.Seed)}, all); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// Fused compiles the packages whose numbers are the same on every machine for
// arm64, where the compiler may fuse a product into the sum that follows it, and
// fails if it did so where the fused sum is rounded otherwise. An explicit
// conversion keeps it from that: float64(x*y) + z.
//
//	go run ./fused -root ..        (in folder tools)
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// packages are those that compute what a run records.
var packages = []string{
	"ranklab/tensor", "ranklab/models", "ranklab/optim", "ranklab/galore", "ranklab/lora", "ranklab/relora", "ranklab/lowrank",
	"ranklab/internal/random", "ranklab/corpus/...", "ranklab/harness/train",
}

// exact lists the functions whose products have two float32 factors: in float64
// they are exact, and the sum is the same whether they are fused into it or not.
var exact = []string{"fma32", "fmaTail", "sums", "addSquares", "dot64"}

// allowed reports whether a fused operation in a line of a function does no harm:
// it is asked for, or the function counts arithmetic and computes no numbers.
func allowed(function, line string) bool {
	return strings.Contains(line, "math.FMA(") || slices.Contains(exact, function) || strings.HasSuffix(strings.ToLower(function), "flops")
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("fused: ")
	root := flag.String("root", "..", "`folder` of the module")
	flag.Parse()
	found, err := find(*root)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range found {
		log.Print(f)
	}
	if len(found) > 0 {
		log.Fatalf("%d multiply-adds are fused by the compiler for arm64: other bits than elsewhere. Write float64(x*y) + z", len(found))
	}
}

var instruction = regexp.MustCompile(`\(([^()]+\.go):(\d+)\)\s+FN?M(?:ADD|SUB)[DS]\s`)

// find lists the places, as "file:line: function: text", in order.
func find(root string) ([]string, error) {
	args := []string{"build", "-trimpath=false", "-o", os.DevNull}
	for _, p := range packages {
		args = append(args, "-gcflags="+p+"=-S")
	}
	build := exec.Command("go", append(args, packages...)...)
	build.Dir, build.Env = root, append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	listing, err := build.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%.2000s", build, err, listing)
	}
	places := map[string]map[int]bool{}
	scan := bufio.NewScanner(bytes.NewReader(listing))
	scan.Buffer(nil, 1<<20)
	seen := 0
	for scan.Scan() {
		m := instruction.FindStringSubmatch(scan.Text())
		if m == nil {
			continue
		}
		seen++
		if places[m[1]] == nil {
			places[m[1]] = map[int]bool{}
		}
		line, err := strconv.Atoi(m[2])
		if err != nil {
			return nil, err
		}
		places[m[1]][line] = true
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	if seen == 0 { // tensor asks for some
		return nil, fmt.Errorf("%s: no fused multiply-add at all: is this the listing of arm64?", build)
	}
	var found []string
	for _, file := range slices.Sorted(maps.Keys(places)) {
		list, err := refused(file, slices.Sorted(maps.Keys(places[file])))
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	return found, nil
}

// refused lists those lines of a file that are not allowed.
func refused(file string, lines []int) (found []string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, 0)
	if err != nil {
		return nil, err
	}
	source := strings.Split(string(text), "\n")
	for _, line := range lines {
		function := ""
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && set.Position(f.Pos()).Line <= line && line <= set.Position(f.End()).Line {
				function = f.Name.Name
			}
		}
		if code := strings.TrimSpace(source[line-1]); !allowed(function, code) {
			found = append(found, fmt.Sprintf("%s:%d: %s: %s", filepath.Base(file), line, function, code))
		}
	}
	return found, nil
}

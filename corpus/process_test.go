package corpus

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// TestMain lets the test binary stand in for another process that prepares
// data: RANKLAB_TEST_PREPARE holds "text folder|cache folder".
func TestMain(m *testing.M) {
	if dirs, found := os.LookupEnv("RANKLAB_TEST_PREPARE"); found {
		text, cache, _ := strings.Cut(dirs, "|")
		s, err := Prepare(context.Background(), Options{
			Source: SourceText, Paths: []string{text}, ValFraction: 0.15, Packing: PackingConcat,
			Tokenizer: TokenizerBPE, VocabSize: 600, CacheDir: cache,
		})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(s.Manifest.Digest, s.Manifest.Tokenizer.Digest, s.Manifest.Train.Tokens)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestProcessesShareACache starts several processes on one empty cache; some
// are killed at once. The others agree with a lonely one.
func TestProcessesShareACache(t *testing.T) {
	o := textOptions(t, folder(t, prose(1, 60)))
	s := prepare(t, o)
	want := fmt.Sprintln(s.Manifest.Digest, s.Manifest.Tokenizer.Digest, s.Manifest.Train.Tokens)

	cache := t.TempDir()
	var wg sync.WaitGroup
	for i := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RANKLAB_TEST_PREPARE="+o.Paths[0]+"|"+cache)
		if i%3 == 0 {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				cmd.Process.Kill()
				cmd.Wait()
			})
			continue
		}
		wg.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
				t.Errorf("process %d: %s%v, want %s", i, out, err, want)
			}
		})
	}
	wg.Wait()
}

package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestDiskFor: a folder that is not there yet lies where it would be made.
func TestDiskFor(t *testing.T) {
	there := t.TempDir()
	want, err := ReadDisk(there)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DiskFor(filepath.Join(there, "not", "yet"))
	if err != nil || got.Type != want.Type || got.Total != want.Total {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// TestWaited: threads that compute wait for each other where there are fewer
// processors than threads.
func TestWaited(t *testing.T) {
	if runtime.GOOS != "linux" {
		if Waited() != 0 {
			t.Error("another system tells")
		}
		return
	}
	if _, err := os.Stat("/proc/self/schedstat"); err != nil {
		t.Skip("this kernel does not count:", err)
	}
	before := Waited()
	threads := 4 * runtime.NumCPU()
	old := runtime.GOMAXPROCS(threads)
	defer runtime.GOMAXPROCS(old)
	until := time.Now().Add(200 * time.Millisecond)
	var all sync.WaitGroup
	var after float64
	for i := range threads {
		all.Go(func() {
			for time.Now().Before(until) {
				runtime.KeepAlive(i)
			}
			if i == 0 {
				after = Waited() // while the others are there
			}
		})
	}
	all.Wait()
	if waited := after - before; waited <= 0 || waited > 60 {
		t.Errorf("%d threads on %d processors have waited %v s", threads, runtime.NumCPU(), waited)
	}
}

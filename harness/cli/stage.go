package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A stage shows how far the preparation of a corpus is: one line that is
// rewritten on a terminal, a line per stage elsewhere.
type stage struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	name     string
	shown    time.Time
	open     bool // the terminal's line has no end yet
}

func stageProgress(w io.Writer, terminal bool) *stage { return &stage{w: w, terminal: terminal} }

func (s *stage) update(name string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := name != s.name
	if !changed && (!s.terminal || time.Since(s.shown) < 200*time.Millisecond && done < total) {
		return
	}
	if changed {
		s.close()
	}
	s.name, s.shown = name, time.Now()
	switch {
	case !s.terminal:
		fmt.Fprintf(s.w, "state=preparing stage=%q\n", name)
	case total > 0:
		fmt.Fprintf(s.w, "\r\x1b[K%s %3d %%", name, 100*done/total)
		s.open = true
	default:
		fmt.Fprintf(s.w, "\r\x1b[K%s", name)
		s.open = true
	}
}

func (s *stage) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *stage) close() {
	if s.open {
		fmt.Fprintln(s.w)
		s.open = false
	}
}

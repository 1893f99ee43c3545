package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ranklab/harness/record"
)

// A browser is a headless Chromium that speaks the DevTools protocol over two
// pipes: messages in JSON, each ended by a zero byte.
type browser struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	id      int
	session string
	events  []protocolEvent
	// deadline gives the browser a while to answer.
	deadline func()
}

type protocolEvent struct {
	Method string
	Params json.RawMessage
}

// openBrowser starts Chromium and opens an empty page. It has no network: every
// name is unknown to it.
func openBrowser(t *testing.T, chromium string) *browser {
	t.Helper()
	toRead, in, err := os.Pipe()
	must(t, err)
	out, toWrite, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
		"--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{toRead, toWrite} // file descriptors 3 and 4
	must(t, cmd.Start(), toRead.Close(), toWrite.Close())
	b := &browser{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		b.send("Browser.close", nil)
		cmd.Wait()
		timer.Stop()
		in.Close()
		out.Close()
	})
	b.deadline = func() { must(t, out.SetReadDeadline(time.Now().Add(2*time.Minute))) } // for one answer
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) send(method string, params any) {
	b.id++
	message := map[string]any{"id": b.id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" && !strings.HasPrefix(method, "Browser.") {
		message["sessionId"] = b.session
	}
	data, err := json.Marshal(message)
	must(b.t, err)
	b.in.Write(append(data, 0)) // a browser that is gone does not answer: call says so
}

// next reads a message. An event is kept.
func (b *browser) next() (id int, result json.RawMessage) {
	b.t.Helper()
	b.deadline()
	data, err := b.out.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("the browser does not answer: %v", err)
	}
	var m struct {
		ID     int
		Method string
		Params json.RawMessage
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	must(b.t, json.Unmarshal(data[:len(data)-1], &m))
	if m.Error != nil {
		b.t.Fatalf("the browser refuses: %s", m.Error.Message)
	}
	if m.Method != "" {
		b.events = append(b.events, protocolEvent{m.Method, m.Params})
	}
	return m.ID, m.Result
}

func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.send(method, params)
	for want := b.id; ; {
		id, data := b.next()
		if id != want {
			continue
		}
		if result != nil {
			must(b.t, json.Unmarshal(data, result))
		}
		return
	}
}

// open shows a file and waits until it is loaded.
func (b *browser) open(path string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": (&url.URL{Scheme: "file", Path: path}).String()}, nil)
	for {
		for _, e := range b.events {
			if e.Method == "Page.loadEventFired" {
				return
			}
		}
		b.next()
	}
}

// size sets the window, and the medium: "screen" or "print".
func (b *browser) size(width int, medium string) {
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 2, "mobile": width < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": medium}, nil)
}

// eval computes an expression in the page.
func (b *browser) eval(expression string, result any) {
	b.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, out.ExceptionDetails.Text)
	}
	must(b.t, json.Unmarshal(out.Result.Value, result))
}

func (b *browser) data(method string, params any) []byte {
	var out struct{ Data string }
	b.call(method, params, &out)
	data, err := base64.StdEncoding.DecodeString(out.Data)
	must(b.t, err)
	return data
}

// tooWide lists what reaches beyond the right edge of the page without a box of
// its own to scroll in.
const tooWide = `(() => {
	const out = [], width = document.documentElement.clientWidth;
	const boxed = e => { for (; e; e = e.parentElement) { const o = getComputedStyle(e).overflowX; if (o === "auto" || o === "scroll") return true; } return false; };
	for (const e of document.querySelectorAll("body *")) {
		const r = e.getBoundingClientRect();
		if (r.width > 0 && r.right > width + 1 && !boxed(e) && !e.closest("svg")) out.push(e.tagName + "." + e.className + " " + e.id + " " + Math.round(r.right));
	}
	if (document.documentElement.scrollWidth > width) out.push("the page: " + document.documentElement.scrollWidth + " of " + width);
	return out.slice(0, 10);
})()`

// hidden counts the runs whose inside is not shown.
const hidden = `[...document.querySelectorAll(".run .inside")].filter(e => !e.checkVisibility({contentVisibilityAuto: true}) || e.getBoundingClientRect().height === 0).length`

var pdfPage = regexp.MustCompile(`/Type\s*/Page\b`)

// TestInABrowser opens reports of committed experiments, and of one that is
// neither finished nor without trouble, in Chromium: they load without a message
// on the console and without a request, no text is cut off on a telephone, on a
// desk or on paper, and they print. RANKLAB_CHROMIUM is the browser; RANKLAB_SHOTS
// a folder for pictures of what it shows.
func TestInABrowser(t *testing.T) {
	chromium := os.Getenv("RANKLAB_CHROMIUM")
	if chromium == "" {
		t.Log("RANKLAB_CHROMIUM is not set: no report was opened in a browser")
		return
	}
	dir := t.TempDir()
	pages := map[string]string{}
	for _, name := range []string{"quick", "quick-lr", "quick-projector"} {
		pages[name] = filepath.Join(dir, name+".html")
		must(t, os.WriteFile(pages[name], committed(t, name), 0o666))
	}
	_, s, runs := experiment(t)
	pages["troubled"] = filepath.Join(dir, "troubled.html")
	must(t, os.WriteFile(pages["troubled"], reportOf(t, s, runs), 0o666))
	b := openBrowser(t, chromium)
	shots := os.Getenv("RANKLAB_SHOTS")
	for name, path := range pages {
		b.size(1280, "screen")
		b.open(path)
		for _, e := range b.events {
			switch e.Method {
			case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
				t.Errorf("%s: %s: %s", name, e.Method, e.Params)
			case "Network.requestWillBeSent":
				var sent struct{ Request struct{ URL string } }
				must(t, json.Unmarshal(e.Params, &sent))
				if u, err := url.Parse(sent.Request.URL); err != nil || u.Scheme != "data" && u.Path != path {
					t.Errorf("%s asks for %s", name, sent.Request.URL)
				}
			}
		}
		for _, view := range []struct {
			width  int
			medium string
		}{{360, "screen"}, {390, "screen"}, {768, "screen"}, {1280, "screen"}, {703, "print"}} { // 703: A4 without its margins
			b.size(view.width, view.medium)
			var wide []string
			b.eval(tooWide, &wide)
			if len(wide) > 0 {
				t.Errorf("%s, %d px, %s: too wide: %s", name, view.width, view.medium, strings.Join(wide, "; "))
			}
			if shots != "" && view.width != 768 {
				must(t, os.WriteFile(filepath.Join(shots, fmt.Sprintf("%s-%s-%d.png", name, view.medium, view.width)), b.data("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}), 0o666))
			}
		}
		var unseen int
		if b.eval(hidden, &unseen); unseen > 0 {
			t.Errorf("%s: %d runs are not on paper", name, unseen)
		}
		b.size(1280, "")
		pdf := b.data("Page.printToPDF", map[string]any{"preferCSSPageSize": true, "printBackground": true})
		if n := len(pdfPage.FindAll(pdf, -1)); !bytes.HasPrefix(pdf, []byte("%PDF")) || n < 2 {
			t.Errorf("%s: a PDF of %d bytes and %d pages", name, len(pdf), n)
		}
		if shots != "" {
			must(t, os.WriteFile(filepath.Join(shots, name+".pdf"), pdf, 0o666))
		}
	}
}

// committed returns the report of a committed experiment.
func committed(t *testing.T, name string) []byte {
	t.Helper()
	root := t.TempDir()
	reference, err := filepath.Abs("../../results/reference")
	must(t, errors.Join(err, os.Symlink(reference, filepath.Join(root, "reference"))))
	s, err := record.ReadSweep(root, name)
	must(t, err)
	runs, err := s.Stored(root)
	must(t, err)
	return reportOf(t, s, runs)
}

func reportOf(t *testing.T, s record.Sweep, runs []record.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, WriteHTML(&b, s, runs))
	return b.Bytes()
}

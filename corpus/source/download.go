package source

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// downloaded is what `go mod download -json` says about one module.
type downloaded struct {
	Path, Version, Dir, Sum, Error string
}

// download runs `go mod download -json` in an empty temporary folder, outside
// of any module or workspace, and returns one entry per module, in order.
func download(ctx context.Context, modules []Module) ([]downloaded, error) {
	dir, err := os.MkdirTemp("", "ranklab-modules-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)

	args := []string{"mod", "download", "-json"}
	for _, m := range modules {
		args = append(args, m.Path+"@"+m.Version)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GO111MODULE=on")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(runErr, exec.ErrNotFound) {
		return nil, fmt.Errorf("the go command, which fetches Go modules, is not in PATH: install Go (https://go.dev/dl/) or choose another source: %w", runErr)
	}
	answers := make(map[string]downloaded)
	for dec := json.NewDecoder(&stdout); ; {
		var d downloaded
		if err := dec.Decode(&d); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go mod download: unreadable answer: %w\n%s", errors.Join(err, runErr), stderr.Bytes())
		}
		answers[d.Path+"@"+d.Version] = d
	}
	var all []downloaded
	for _, m := range modules {
		name := m.Path + "@" + m.Version
		d, found := answers[name]
		switch {
		case d.Error != "":
			return nil, fmt.Errorf("module %s cannot be fetched: %s\n%s", name, d.Error, hint(name, d.Error))
		case !found || d.Dir == "" || d.Sum == "":
			message := strings.TrimSpace(stderr.String())
			if message == "" {
				message = "the go command said nothing about it"
			}
			return nil, fmt.Errorf("module %s cannot be fetched: %s\n%s", name, message, hint(name, message))
		}
		all = append(all, d)
	}
	if runErr != nil {
		return nil, fmt.Errorf("go mod download: %w: %s", runErr, bytes.TrimSpace(stderr.Bytes()))
	}
	return all, nil
}

// hint says what a user can do about an error of the go command.
func hint(module, message string) string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(message, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("GOPROXY=off", "dial tcp", "dial udp", "no such host", "network is unreachable", "connection refused", "i/o timeout", "TLS handshake"):
		return "hint: it is not in the module cache and the network cannot be reached; run `go mod download " + module + "` once while online"
	case has("checksum mismatch", "SECURITY ERROR"):
		return "hint: the proxy serves another content than the checksum database knows; nothing was read"
	case has("404", "410", "not found", "no such file", "unknown revision", "403", "malformed module path", "unrecognized import path"):
		return "hint: check the module path and the version (`go list -m -versions " + strings.Split(module, "@")[0] + "` lists them)"
	}
	return "hint: `go mod download " + module + "` shows more"
}

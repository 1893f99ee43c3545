package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ranklab/harness/spec"
)

type newCmd struct {
	Name string `arg:"" help:"Name of the experiment, or path of its file."`
	From string `help:"Experiment to copy: a file, or the name of a shipped one." default:"quick"`
}

func (c newCmd) Run(v *env) error {
	path := c.Name
	if !strings.ContainsAny(path, `/\`) {
		path = filepath.Join("experiments", path)
	}
	if filepath.Ext(path) != ".toml" {
		path += ".toml"
	}
	text, err := spec.New(path, c.From)
	if err != nil {
		return exitError{2, err.Error()}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return exitError{2, path + " exists already: choose another name, or remove it"}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(v.stdout, "wrote %s\nedit it, then: ranklab plan %s\n", path, path)
	return nil
}

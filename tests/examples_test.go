package tests

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestExamples runs each example as its reader would, from the top of the checkout. Beside its main.lua lie want.txt,
// which is all that it prints, and where it needs them args.txt (an argument a line), stdin.txt, want-exit.txt (the exit
// status, if not 0) and want-stderr.txt (each line is found somewhere on stderr).
func TestExamples(t *testing.T) {
	for _, dir := range exampleFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			args := []string{"examples/" + filepath.Base(dir) + "/main.lua"}
			cmd := poeluaCommand(t, append(args, lines(exampleFile(t, dir, "args.txt"))...)...)
			cmd.Dir = ".."
			if input, ok := optionalFile(t, dir, "stdin.txt"); ok {
				cmd.Stdin = strings.NewReader(input) // os/exec makes a pipe of it
			}
			status := 0
			if text := strings.TrimSpace(exampleFile(t, dir, "want-exit.txt")); text != "" {
				var err error
				if status, err = strconv.Atoi(text); err != nil {
					t.Fatalf("want-exit.txt: %v", err)
				}
			}
			want, ok := optionalFile(t, dir, "want.txt")
			if !ok {
				t.Error("the example has no want.txt")
			}
			r := runCommand(t, cmd)
			r.want(t, status, want)
			wantStderr := lines(exampleFile(t, dir, "want-stderr.txt"))
			r.wantStderr(t, wantStderr...)
			if len(wantStderr) == 0 && r.stderr != "" {
				t.Errorf("got stderr %q, want none", r.stderr)
			}
		})
	}
}

func TestExamplesPassTheCheck(t *testing.T) {
	for _, dir := range exampleFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			r := runPoelua(t, "check", filepath.Join(dir, "main.lua"))
			if r.status != 0 || r.stdout+r.stderr != "" {
				t.Errorf("got status %d and %q, want 0 and nothing", r.status, r.stdout+r.stderr)
			}
		})
	}
}

// TestExamplesAreListed holds examples/README.md to the folders: each has its row, in order, under its own name.
func TestExamplesAreListed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "examples", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed, want []string
	for _, line := range strings.Split(string(text), "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.Contains(cells[2], "/main.lua)") {
			listed = append(listed, strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[2]))
		}
	}
	for _, dir := range exampleFolders(t) {
		number, name, _ := strings.Cut(filepath.Base(dir), "-")
		want = append(want, number+" ["+name+"]("+filepath.Base(dir)+"/main.lua)")
	}
	if got, want := strings.Join(listed, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("examples/README.md lists\n%s\nwant\n%s", got, want)
	}
}

func exampleFolders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "examples", "[0-9][0-9]-*", "main.lua"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no examples found (%v)", err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

// optionalFile is a file's text; ok is false if there is no such file.
func optionalFile(t *testing.T, dir, name string) (text string, ok bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b), err == nil
}

// exampleFile is a file's text, "" if there is no such file.
func exampleFile(t *testing.T, dir, name string) string {
	t.Helper()
	text, _ := optionalFile(t, dir, name)
	return text
}

// lines splits a text into lines that are not empty.
func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
}

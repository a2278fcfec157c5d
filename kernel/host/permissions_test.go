package host_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/poelua/poelua/kernel/host"
)

// tree makes
//
//	allowed/file  allowed/sub/file  allowed/out -> ../secret  allowed/in -> sub  allowed/new -> ../secret/new
//	allowed/up -> sub/..  allowed/loop -> loop  allowedtoo/file  secret/file  way -> allowed
func tree(t *testing.T) (root string) {
	t.Helper()
	root = must[string](t)(filepath.EvalSymlinks(t.TempDir()))
	for _, dir := range []string{"allowed/sub", "allowedtoo", "secret/deep"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"allowed/file", "allowed/sub/file", "allowedtoo/file", "secret/file"} {
		if err := os.WriteFile(filepath.Join(root, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"allowed/out": "../secret", "allowed/in": "sub", "allowed/new": "../secret/new", "allowed/up": "sub/..",
		"allowed/loop": "loop", "allowed/deep": root + "/secret/deep", "way": "allowed",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestPathsStayWithinTheirPrefix(t *testing.T) {
	root := tree(t)
	t.Chdir(root)
	cases := []struct {
		prefix, path string
		want         bool
	}{
		{"/allowed", "/allowed", true},
		{"/allowed", "/allowed/", true},
		{"/allowed", "/allowed/file", true},
		{"/allowed/", "/allowed/file", true},
		{"/allowed", "/allowed/sub/../file", true},
		{"/allowed", "/allowed/missing/deeper", true},
		{"/allowed", "/allowed/in/file", true},
		{"/allowed", "/allowed/up/file", true},
		{"/allowed", "/way/file", true},
		{"/way", "/allowed/file", true},
		{"/allowed/file", "/allowed/file", true},
		{"/allowed/missing", "/allowed/missing", true},
		{"/allowed", "/secret/../allowed/file", true},
		{"/allowed", "/allowed/../secret/file", false},
		{"/allowed", "/allowed/missing/../../secret/file", false},
		{"/allowed", "/allowed/out/file", false},
		{"/allowed", "/allowed/out/missing", false},
		{"/allowed", "/allowed/new", false},
		{"/allowed", "/allowed/deep/../file", false}, // the system goes up from secret/deep
		{"/allowed", "/allowed/loop", false},
		{"/allowed", "/allowedtoo/file", false},
		{"/allowed", "", false},
		{"/allowed/file", "/allowed/file2", false},
		{"/allowed/sub", "/allowed/file", false},
	}
	for _, c := range cases {
		for _, relative := range []bool{false, true} {
			prefix, path := root+c.prefix, root+c.path
			if relative {
				prefix, path = "."+c.prefix, "."+c.path
			}
			h := newHost(t)
			h.Allow = &host.Permissions{Read: []string{"/nowhere", prefix}}
			if err := h.Check("read", path, host.Read); (err == nil) != c.want {
				t.Errorf("prefix %s, path %s: got %v, want allowed %v", prefix, path, err, c.want)
			}
		}
	}
}

func TestRootAllowsEverythingAndAnEmptyPrefixNothing(t *testing.T) {
	h := newHost(t)
	h.Allow = &host.Permissions{Read: []string{"/"}, Write: []string{""}}
	if err := h.Check("read", "/etc/passwd", host.Read); err != nil {
		t.Error(err)
	}
	if err := h.Check("write", "", host.Write); err == nil {
		t.Error("an empty prefix allows something")
	}
}

func TestRelativePrefixDoesNotFollowTheWorkingDirectory(t *testing.T) {
	root := tree(t)
	t.Chdir(root + "/allowed")
	h := newHost(t)
	h.Allow = &host.Permissions{Read: []string{"."}}
	t.Chdir(root + "/secret")
	if err := h.Check("read", "file", host.Read); err == nil {
		t.Error("the prefix moved with the working directory")
	}
	if err := h.Check("read", "../allowed/file", host.Read); err != nil {
		t.Error(err)
	}
}

func TestEntriesAreJudgedByWhereTheyStand(t *testing.T) {
	root := tree(t)
	h := newHost(t)
	h.Allow = &host.Permissions{Read: []string{root + "/allowed"}, Write: []string{root + "/allowed"}}
	refused := func(err error) {
		t.Helper()
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	refused(h.Remove(root + "/allowed/out/file"))
	refused(h.Remove(root + "/allowed/out/")) // what the link leads to
	refused(h.Remove(root + "/way"))
	refused(h.Rename(root+"/secret/file", root+"/allowed/stolen"))
	refused(h.Rename(root+"/allowed/file", root+"/allowed/out/given"))
	for _, err := range []error{
		h.Remove(root + "/allowed/out"),
		h.Rename(root+"/allowed/file", root+"/allowed/sub/other"),
		h.Remove(root + "/way/in"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(root + "/secret/file"); err != nil {
		t.Error(err)
	}
}

func TestRenameDoesNotMakeAFileReadable(t *testing.T) {
	root := tree(t)
	h := newHost(t)
	h.Allow = &host.Permissions{Read: []string{root + "/allowed"}, Write: []string{root}}
	if err := h.Rename(root+"/secret/file", root+"/allowed/mine"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestFlagsDecideWhatOpeningNeeds(t *testing.T) {
	root := tree(t)
	cases := []struct {
		flags       int
		read, write bool
	}{
		{os.O_RDONLY, true, false},
		{os.O_WRONLY, false, true},
		{os.O_RDWR, true, true},
		{os.O_WRONLY | os.O_APPEND | os.O_CREATE, false, true},
		{os.O_RDONLY | os.O_TRUNC, true, true},
		{os.O_RDONLY | os.O_CREATE, true, true},
	}
	for _, c := range cases {
		for _, granted := range []struct{ read, write bool }{{true, false}, {false, true}, {true, true}} {
			h := newHost(t)
			h.Allow = &host.Permissions{}
			if granted.read {
				h.Allow.Read = []string{root}
			}
			if granted.write {
				h.Allow.Write = []string{root}
			}
			want := (granted.read || !c.read) && (granted.write || !c.write)
			handle, err := h.Open(root+"/allowed/file", c.flags, 0o600)
			if err == nil {
				handle.Close()
			}
			file, fileErr := h.OpenFile(root+"/allowed/file", c.flags, 0o600)
			if fileErr == nil {
				file.Close()
			}
			if (err == nil) != want || (fileErr == nil) != want {
				t.Errorf("flags %#x with %+v: got %v and %v, want allowed %v", c.flags, granted, err, fileErr, want)
			}
		}
	}
}

func TestAddressPatterns(t *testing.T) {
	cases := []struct {
		pattern, address string
		want             bool
	}{
		{"example.org:80", "example.org:80", true},
		{"example.org:80", "EXAMPLE.org.:80", true},
		{"example.org:80", "example.org:81", false},
		{"example.org:80", "www.example.org:80", false},
		{"example.org", "example.org:4711", true},
		{"example.org:*", "example.org:4711", true},
		{"example.org:80", "example.org", false},
		{"*:80", "anything:80", true},
		{":80", "10.0.0.1:80", true},
		{"*:80", "anything:81", false},
		{"*", "anything:81", true},
		{"*.example.org:80", "www.example.org:80", true},
		{"*.example.org:80", "example.org:80", false},
		{"*.example.org:80", ".example.org:80", false},
		{"*example.org:80", "badexample.org:80", false},
		{"*.1:80", "10.0.0.1:80", false},
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "[::ffff:127.0.0.1]:80", true},
		{"127.0.0.1:80", "localhost:80", false},
		{"[::1]:80", "[0:0::1]:80", true},
		{"[::1]", "[::1]:80", true},
		{"::1", "[::1]:80", true},
		{"0.0.0.0:80", ":80", false},
		{"", "example.org:80", false},
		{"", "", false},
	}
	for _, c := range cases {
		h := newHost(t)
		h.Allow = &host.Permissions{Connect: []string{c.pattern}}
		if err := h.Check("connect", c.address, host.Connect); (err == nil) != c.want {
			t.Errorf("pattern %q, address %q: got %v, want allowed %v", c.pattern, c.address, err, c.want)
		}
		if err := h.Check("listen", c.address, host.Listen); err == nil {
			t.Errorf("address %q: connecting allows listening", c.address)
		}
	}
}

func TestProgramsAreComparedByFile(t *testing.T) {
	dir := t.TempDir()
	impostor := dir + "/sh"
	if err := os.WriteFile(impostor, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	real := must[string](t)(exec.LookPath("sh"))
	if err := os.Symlink(real, dir+"/other"); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		allowed string
		command host.Command
		want    bool
	}{
		{"sh", host.Command{Args: []string{"sh", "-c", ""}}, true},
		{"sh", host.Command{Args: []string{real, "-c", ""}}, true},
		{real, host.Command{Args: []string{"sh", "-c", ""}}, true},
		{"*", host.Command{Args: []string{impostor}}, true},
		{impostor, host.Command{Args: []string{"./sh"}, Dir: dir}, true},
		{"sh", host.Command{Args: []string{impostor}}, false},
		{"sh", host.Command{Args: []string{"./sh"}, Dir: dir}, false},
		{dir + "/other", host.Command{Args: []string{"sh", "-c", ""}}, false},
		{"cat", host.Command{Args: []string{"sh", "-c", ""}}, false},
		{"cat", host.Command{Args: []string{"no-such-program-anywhere"}}, false},
	}
	for _, c := range cases {
		h := newHost(t)
		h.Allow = &host.Permissions{Run: []string{c.allowed}}
		_, err := h.Run(c.command)
		if c.want && err != nil || !c.want && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%q allowed, running %q in %q: got %v, want allowed %v", c.allowed, c.command.Args[0], c.command.Dir, err, c.want)
		}
	}
}

func TestEnvironmentShowsWhatIsAllowed(t *testing.T) {
	t.Setenv("POELUA_SHOWN", "1")
	t.Setenv("POELUA_HIDDEN", "2")
	h := newHost(t)
	h.Allow = &host.Permissions{Env: []string{"POELUA_SHOWN"}}
	if value, ok := h.Getenv("POELUA_SHOWN"); value != "1" || !ok {
		t.Errorf("got %q, %v", value, ok)
	}
	if value, ok := h.Getenv("POELUA_HIDDEN"); value != "" || ok {
		t.Errorf("got %q, %v for a hidden variable", value, ok)
	}
	if got := h.Environ(); !slices.Equal(got, []string{"POELUA_SHOWN=1"}) {
		t.Errorf("got %q", got)
	}
	h.Allow.Env = []string{"*"}
	if value, _ := h.Getenv("POELUA_HIDDEN"); value != "2" {
		t.Errorf("got %q", value)
	}
}

func TestZeroPermissionsAllowNothing(t *testing.T) {
	h := newHost(t)
	h.Allow = &host.Permissions{}
	first := func(_ any, err error) error { return err }
	refusals := map[string]error{
		"read":    first(h.Open("/etc/passwd", os.O_RDONLY, 0)),
		"write":   first(h.OpenFile(t.TempDir()+"/x", os.O_WRONLY|os.O_CREATE, 0o600)),
		"connect": h.Check("connect", "127.0.0.1:80", host.Connect),
		"listen":  h.Check("listen", ":80", host.Listen),
		"run":     first(h.Start(host.Command{Args: []string{"true"}})),
		"signals": h.Kill(os.Getpid(), 0),
		"os":      h.Check("exit", "", host.OS),
		"env":     h.Check("getenv", "PATH", host.Env),
		"write ":  h.Remove("/tmp/x"),
		"read ":   first(h.Stat("/etc/passwd")),
		"write  ": first(h.TempName()),
	}
	for needs, err := range refusals {
		var refused *host.PermissionError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want a refusal", needs, err)
			continue
		}
		if permission, _, _ := strings.Cut(refused.Needs, "="); permission != strings.TrimSpace(needs) {
			t.Errorf("%v: got need %q, want %q", err, refused.Needs, needs)
		}
		if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, syscall.EACCES) || host.Errno(err) != syscall.EACCES {
			t.Errorf("%v is not an EACCES", err)
		}
	}
	if r, w, err := h.Pipe(""); err != nil {
		t.Errorf("a pipe touches nothing, but got %v", err)
	} else {
		r.Close()
		w.Close()
	}
}

func TestRefusalNamesThePermissionToGrant(t *testing.T) {
	root := tree(t)
	t.Chdir(root)
	h := newHost(t)
	h.Allow = &host.Permissions{}
	cases := []struct {
		err  error
		want string
	}{
		{h.Check("open", "way/file", host.Read), "open way/file: permission denied: needs read=" + root + "/allowed/file"},
		{h.Remove("way"), "remove way: permission denied: needs write=" + root + "/way"},
		{h.Check("connect", "example.org:80", host.Connect), "connect example.org:80: permission denied: needs connect=example.org:80"},
		{h.Check("exit", "", host.OS), "exit: permission denied: needs os"},
	}
	for _, c := range cases {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
}

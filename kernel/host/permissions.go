package host

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Permissions says what a script may touch. The zero value allows nothing.
//
// A path prefix allows that file or directory and all below it: "/srv/data" allows /srv/data/x and not /srv/database.
// It is compared after symbolic links were followed on both sides, so neither ".." nor a link leads out. An empty prefix
// allows nothing. Between check and act another process may still change a link: the tree is to be the script's own.
//
// A pattern is "host:port". The host is a name or an address, "*.example.org" for any name below that one, "*" or
// nothing for any. The port is a number, "*" or nothing for any. Names are compared as the script gave them.
type Permissions struct {
	Read, Write     []string // path prefixes; connecting to a UNIX socket or binding one is writing to its path
	Connect, Listen []string // host:port patterns
	Run             []string // programs, by name as the search path finds it or by path; "*" for any
	Env             []string // names of variables; "*" for any
	Signals         bool     // may send signals to processes
	OS              bool     // may act on the process itself: exit, setlocale, ...
}

// Permission is one of the things that Permissions grants, under the name a message asks for it by.
type Permission string

// What Check can be asked for.
const (
	Read    Permission = "read"
	Write   Permission = "write"
	Connect Permission = "connect"
	Listen  Permission = "listen"
	Run     Permission = "run"
	Env     Permission = "env"
	Signals Permission = "signals"
	OS      Permission = "os"
)

// PermissionError is the refusal of an act that Permissions does not allow. It is an EACCES to errors.Is.
type PermissionError struct {
	Op    string // what was asked for: "open", "connect"
	Name  string // of what: a path, an address, a program
	Needs string // the permission to grant: "read=/etc/passwd", "signals"
}

func (e *PermissionError) Error() string {
	text := e.Op
	if e.Name != "" {
		text += " " + e.Name
	}
	return text + ": permission denied: needs " + e.Needs
}

// Unwrap makes a refusal look like the system's own.
func (e *PermissionError) Unwrap() error { return syscall.EACCES }

// Check tells whether op may be done to name: each of needs must be granted, and Fail must let it pass. The methods
// of Host do this by themselves; it is for those who reach the system by another way.
func (h *Host) Check(op, name string, needs ...Permission) error {
	return h.check(op, name, true, needs)
}

// checkEntry is Check for acts on a directory entry: a link is what is acted on, and where it leads does not matter.
func (h *Host) checkEntry(op, name string, needs ...Permission) error {
	return h.check(op, name, false, needs)
}

func (h *Host) check(op, name string, follow bool, needs []Permission) error {
	for _, need := range needs {
		if !h.allows(need, name, follow) {
			return refusal(op, name, need, follow)
		}
	}
	return h.fail(op, name)
}

func (h *Host) fail(op, name string) error {
	if h.Fail == nil {
		return nil
	}
	return h.Fail(op, name)
}

func refusal(op, name string, need Permission, follow bool) error {
	refused := &PermissionError{Op: op, Name: name, Needs: string(need)}
	switch need {
	case Signals, OS:
		return refused
	case Read, Write:
		if path, err := resolveHere(name, follow); err == nil {
			name = path
		}
	}
	refused.Needs += "=" + name
	return refused
}

func (h *Host) allows(need Permission, name string, follow bool) bool {
	allow := h.Allow
	if allow == nil {
		return true
	}
	switch need {
	case Read:
		return h.allowsPath(allow.Read, name, follow)
	case Write:
		return h.allowsPath(allow.Write, name, follow)
	case Connect:
		return allowsAddress(allow.Connect, name)
	case Listen:
		return allowsAddress(allow.Listen, name)
	case Run:
		return allowsProgram(allow.Run, name)
	case Env:
		return slices.Contains(allow.Env, name) || slices.Contains(allow.Env, "*")
	case Signals:
		return allow.Signals
	case OS:
		return allow.OS
	}
	return false
}

func (h *Host) allowsPath(prefixes []string, name string, follow bool) bool {
	if len(prefixes) == 0 {
		return false
	}
	path, err := resolveHere(name, follow)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		if prefix == "" || h.dir == "" && !filepath.IsAbs(prefix) {
			return false
		}
		allowed, err := resolve(h.dir, prefix, true)
		return err == nil && within(path, allowed)
	})
}

// within tells whether a resolved path is prefix or lies below it.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || prefix == "/")
}

// resolveHere is resolve for a path that we would open ourselves.
func resolveHere(path string, follow bool) (string, error) {
	dir, err := os.Getwd()
	if err != nil && !filepath.IsAbs(path) {
		return "", err
	}
	return resolve(dir, path, follow)
}

// linksMax is how many symbolic links resolve follows: more than any system does.
const linksMax = 255

// resolve gives the absolute path of what the system would reach by path, seen from dir: ".." goes up from where a link
// has led, not from where it stands. The last part is followed only when follow is set or a slash comes after it.
// What does not exist is kept as it is written, and so is what may not be looked at: the act itself will fail on it.
func resolve(dir, path string, follow bool) (string, error) {
	if !filepath.IsAbs(path) {
		path = dir + "/" + path
	}
	reached, links := "/", 0
	for path != "" {
		part, rest, more := strings.Cut(path, "/")
		path = rest
		switch part {
		case "", ".":
			continue
		case "..":
			reached = filepath.Dir(reached)
			continue
		}
		next := filepath.Join(reached, part)
		target := ""
		if more || follow {
			target, _ = os.Readlink(next)
		}
		if target == "" {
			reached = next
			continue
		}
		if links++; links > linksMax {
			return "", syscall.ELOOP
		}
		if filepath.IsAbs(target) {
			reached = "/"
		}
		if path = target; more {
			path += "/" + rest
		}
	}
	return reached, nil
}

func allowsAddress(patterns []string, address string) bool {
	host, port := splitAddress(address)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		wantHost, wantPort := splitAddress(pattern)
		return pattern != "" && (wantPort == "" || wantPort == "*" || wantPort == port) && matchesHost(wantHost, host)
	})
}

// splitAddress is lenient: an address without a port is all host.
func splitAddress(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), ""
	}
	return strings.TrimSuffix(host, "."), port
}

func matchesHost(pattern, host string) bool {
	if pattern == "" || pattern == "*" {
		return true
	}
	want, err := netip.ParseAddr(pattern)
	if err == nil {
		got, err := netip.ParseAddr(host)
		return err == nil && got.Unmap() == want.Unmap()
	}
	pattern, host = strings.ToLower(pattern), strings.ToLower(host)
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		// An address is no name: "*.1" must not let 10.0.0.1 in.
		_, err := netip.ParseAddr(host)
		return err != nil && strings.HasPrefix(suffix, ".") && len(host) > len(suffix) && strings.HasSuffix(host, suffix)
	}
	return pattern == host
}

// allowsProgram compares by the file that would run: /tmp/ls is not the ls of the search path. The file itself is not
// followed when it is a link, for where many programs are one file, allowing one must not allow all.
func allowsProgram(programs []string, name string) bool {
	if slices.Contains(programs, "*") || slices.Contains(programs, name) {
		return true
	}
	file, ok := programFile(name)
	return ok && slices.ContainsFunc(programs, func(program string) bool {
		allowed, ok := programFile(program)
		return ok && allowed == file
	})
}

func programFile(name string) (string, bool) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", false
	}
	path, err = resolveHere(path, false)
	return path, err == nil
}

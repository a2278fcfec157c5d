package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program finds a program that a test needs.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("there is no " + name)
	}
	return path
}

// perlWithPOE finds a Perl that has POE.
func perlWithPOE(t testing.TB) string {
	t.Helper()
	perl := program(t, "perl")
	if exec.Command(perl, "-MPOE", "-e", "1").Run() != nil {
		t.Skip("this perl has no POE")
	}
	return perl
}

// startProgram starts a program; the test's end kills it if it still runs.
func startProgram(t testing.TB, cmd *exec.Cmd) *poeluaProcess {
	t.Helper()
	p := &poeluaProcess{cmd: cmd, stdout: newWatchedBuffer(), stderr: newWatchedBuffer(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// line waits for a line on stdout that begins with this, and gives the rest of its words: where a server listens.
func (p *poeluaProcess) line(t testing.TB, begin string) []string {
	t.Helper()
	late := time.After(deadline)
	for {
		got, changed := p.stdout.look()
		for line := range strings.Lines(got) {
			if rest, ok := strings.CutPrefix(line, begin); ok && strings.HasSuffix(rest, "\n") {
				return strings.Fields(rest)
			}
		}
		select {
		case <-changed:
		case <-p.ended:
			t.Fatalf("ended without a line %q\nstdout: %s\nstderr: %s", begin, p.stdout, p.stderr)
		case <-late:
			t.Fatalf("no line %q in time\nstdout: %s\nstderr: %s", begin, p.stdout, p.stderr)
		}
	}
}

// interopServer starts one of the servers of tests/interop, and gives what it says first.
func interopServer(t testing.TB, script string, args ...string) []string {
	t.Helper()
	return startPoelua(t, append([]string{filepath.Join("interop", script)}, args...)...).line(t, "")
}

func TestCurlTalksToTheWebServer(t *testing.T) {
	curl := program(t, "curl")
	cert := filepath.Join(t.TempDir(), "cert.pem")
	ports := interopServer(t, "web.lua", cert)
	plain, pieces, secure := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1], "https://127.0.0.1:"+ports[2]
	large := strings.Repeat("x", 2<<20)
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        string
	}{
		{"GET", "", []string{plain + "/a?b=c"}, "GET /a \n"},
		{"POST", "a body", []string{"--data-binary", "@-", plain + "/p"}, "POST /p a body\n"},
		{"PUT with an empty body", "", []string{"-X", "PUT", "-d", "", plain + "/p"}, "PUT /p \n"},
		{"chunked upload", "a body in chunks", []string{"-H", "Expect:", "-T", "-", plain + "/up"}, "PUT /up a body in chunks\n"},
		{"chunked upload in pieces", large, []string{"-T", "-", pieces + "/up"}, "PUT /up " + large + "\n"},
		{"HEAD", "", []string{"-I", "-o", os.DevNull, "-w", "%{http_code} %{size_download}", plain + "/"}, "200 0"},
		{"two requests on one connection", "", []string{"-w", "%{num_connects}\n", plain + "/1", plain + "/2"}, "GET /1 \n1\nGET /2 \n0\n"},
		{"100-continue", "a body", []string{"-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary", "@-", pieces + "/"}, "POST / a body\n"},
		{"too much, announced", large, []string{"--data-binary", "@-", "-o", os.DevNull, "-w", "%{http_code}", plain + "/"}, "413"},
		{"too much, without asking", large, []string{"-H", "Expect:", "--data-binary", "@-", "-o", os.DevNull, "-w", "%{http_code}", plain + "/"}, "413"},
		{"too much, in chunks", large, []string{"-H", "Expect:", "-T", "-", "-o", os.DevNull, "-w", "%{http_code}", plain + "/"}, "413"},
		{"HTTP/1.0", "", []string{"-0", plain + "/old"}, "GET /old \n"},
		{"the server goes on", "", []string{plain + "/still"}, "GET /still \n"},
		{"https", "", []string{"--cacert", cert, secure + "/s"}, "GET /s \n"},
		{"https with a large body", large[:1<<19], []string{"--cacert", cert, "--data-binary", "@-", secure + "/"}, "POST / " + large[:1<<19] + "\n"},
		{"https, twice", "", []string{"--cacert", cert, "-w", "%{num_connects}\n", secure + "/1", secure + "/2"}, "GET /1 \n1\nGET /2 \n0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(curl, append([]string{"-sS", "--noproxy", "*", "--max-time", "15"}, c.args...)...)
			cmd.Stdin = strings.NewReader(c.stdin)
			r := runCommand(t, cmd)
			if r.status != 0 || r.stdout != c.want {
				t.Errorf("got status %d and %d bytes %.200q, want %d bytes %.200q\nstderr: %s", r.status, len(r.stdout), r.stdout, len(c.want), c.want, r.stderr)
			}
		})
	}
	t.Run("https that is not trusted", func(t *testing.T) {
		r := runCommand(t, exec.Command(curl, "-sS", "--noproxy", "*", secure))
		if r.status == 0 || r.stdout != "" {
			t.Errorf("got status %d and %q", r.status, r.stdout)
		}
	})
}

func TestWrkFindsNoErrors(t *testing.T) {
	wrk := program(t, "wrk")
	cert := filepath.Join(t.TempDir(), "cert.pem")
	ports := interopServer(t, "web.lua", cert)
	for _, url := range []string{"http://127.0.0.1:" + ports[0], "https://127.0.0.1:" + ports[2]} {
		r := runCommand(t, exec.Command(wrk, "-t1", "-c20", "-d1s", url+"/"))
		if r.status != 0 || !strings.Contains(r.stdout, "requests in") || strings.Contains(r.stdout, " 0 requests in") {
			t.Errorf("%s: got status %d and\n%s%s", url, r.status, r.stdout, r.stderr)
		}
		for _, bad := range []string{"Socket errors", "Non-2xx"} {
			if strings.Contains(r.stdout, bad) {
				t.Errorf("%s:\n%s", url, r.stdout)
			}
		}
	}
}

// The answers come back whole although socat ends its output first.
func TestSocatTalksToTheEchoServer(t *testing.T) {
	socat := program(t, "socat")
	path := filepath.Join(t.TempDir(), "echo")
	input := strings.Repeat("a line\n", 100_000)
	for _, c := range []struct{ name, address string }{
		{"tcp", "TCP:127.0.0.1:" + interopServer(t, "echo.lua", "tcp")[0]},
		{"unix", "UNIX-CONNECT:" + interopServer(t, "echo.lua", "unix", path)[0]},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(socat, "-t", "15", "-", c.address)
			cmd.Stdin = strings.NewReader(input)
			r := runCommand(t, cmd)
			if got := strings.ReplaceAll(r.stdout, "\r\n", "\n"); r.status != 0 || got != input {
				t.Errorf("got status %d and %d bytes, want 0 and %d\nstderr: %s", r.status, len(got), len(input), r.stderr)
			}
		})
	}
	t.Run("udp", func(t *testing.T) {
		port := interopServer(t, "echo.lua", "udp")[0]
		cmd := exec.Command(socat, "-", "UDP:127.0.0.1:"+port)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		p := startProgram(t, cmd)
		for _, line := range []string{"one\n", "two\n"} {
			if _, err := stdin.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
			p.waitFor(t, p.stdout, line)
		}
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestOpenSSLTalksToTheEchoServer(t *testing.T) {
	openssl := program(t, "openssl")
	cert := filepath.Join(t.TempDir(), "cert.pem")
	port := interopServer(t, "echo.lua", "tls", cert)[0]
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version[1:], func(t *testing.T) {
			cmd := exec.Command(openssl, "s_client", "-connect", "127.0.0.1:"+port, version, "-quiet",
				"-CAfile", cert, "-verify_ip", "127.0.0.1", "-verify_return_error")
			stdin, err := cmd.StdinPipe() // it stays open: openssl would end with it
			if err != nil {
				t.Fatal(err)
			}
			p := startProgram(t, cmd)
			for _, line := range []string{"one", "two", "quit"} {
				if _, err := stdin.Write([]byte(line + "\n")); err != nil {
					t.Fatal(err)
				}
				p.waitFor(t, p.stdout, line+"\r\n")
			}
			p.wait(t).want(t, 0, "one\r\ntwo\r\nquit\r\n")
		})
	}
	t.Run("an old version", func(t *testing.T) {
		r := runCommand(t, exec.Command(openssl, "s_client", "-connect", "127.0.0.1:"+port, "-tls1_1", "-quiet"))
		if r.status == 0 {
			t.Error("it connects")
		}
	})
}

func TestPoeluaTalksToOpenSSL(t *testing.T) {
	openssl := program(t, "openssl")
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	r := runPoelua(t, "-e", `local names = { arg[1], arg[2] }
for i, text in ipairs { assert(require("poe").tls.self_signed()) } do assert(io.open(names[i], "w")):write(text) end`, cert, key)
	r.want(t, 0, "")
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		t.Run(version[1:], func(t *testing.T) {
			// -rev sends lines back in reverse, and takes CLOSE for the end, of which its version decides how clean it is.
			cmd := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, version, "-rev", "-naccept", "1")
			port := startProgram(t, cmd).line(t, "ACCEPT 127.0.0.1:")[0]
			got := runPoelua(t, "interop/client.lua", port, cert, "abc", "Lua", "CLOSE")
			if want := "cba\nauL\n"; got.status != 0 || !strings.HasPrefix(got.stdout, want) {
				t.Errorf("got status %d and %q, want 0 and %q\nstderr: %s", got.status, got.stdout, want, got.stderr)
			}
		})
	}
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		other := filepath.Join(dir, "other.pem")
		interopServer(t, "echo.lua", "tls", other) // for its certificate
		cmd := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key, "-rev", "-naccept", "1")
		port := startProgram(t, cmd).line(t, "ACCEPT 127.0.0.1:")[0]
		got := runPoelua(t, "interop/client.lua", port, other, "abc")
		if !strings.HasPrefix(got.stdout, "tls: unknown authority: ") {
			t.Errorf("got %q", got.stdout)
		}
	})
}

func TestPerlTalksToPoelua(t *testing.T) {
	perl := perlWithPOE(t)
	port := interopServer(t, "echo.lua", "tcp")[0]
	r := runCommand(t, exec.Command(perl, "interop/client.pl", port, "one", "", "three", "quit"))
	r.want(t, 0, "one\n\nthree\nquit\nthe end\n")
}

func TestPoeluaTalksToPerl(t *testing.T) {
	perl := perlWithPOE(t)
	port := startProgram(t, exec.Command(perl, "interop/server.pl")).line(t, "")[0]
	r := runPoelua(t, "interop/client.lua", port, "-", "one", "", "three", "quit")
	r.want(t, 0, "POE got one\nPOE got \nPOE got three\nPOE got quit\nthe end\n")
}

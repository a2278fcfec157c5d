package bindings

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/wheels/handle"
)

const (
	tlsKept       = 16      // configurations and pairs of certificate and key that are kept, of each kind
	tlsSessions   = 32      // sessions that a client's configuration keeps for resumption
	tlsFileMax    = 1 << 20 // bytes of a certificate file
	tlsTimeoutMax = 24 * 60 * 60
)

// tlsMethods are methods of poe.Handle.
func (b *Lib) tlsMethods() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"start_tls": b.handleStartTLS,
		"tls_info":  b.handleTLSInfo,
	}
}

func (b *Lib) openTLS(l *lua.LState) {
	b.module.RawSetString("tls", class(l, map[string]lua.LGFunction{"self_signed": b.tlsSelfSigned}))
}

// tlsKeeper keeps what was made of a script's parameters, the last used first: who accepts connections starts TLS thousands of
// times with the same. A configuration in common is also what sessions are resumed by.
type tlsKeeper struct {
	configs recent[*tls.Config]
	pairs   recent[*tls.Certificate]
}

// recent is a short list of what was used last.
type recent[V any] []struct {
	key   [sha256.Size]byte
	value V
}

func (r *recent[V]) find(key [sha256.Size]byte) (v V, ok bool) {
	for i, e := range *r {
		if e.key == key {
			copy((*r)[1:i+1], (*r)[:i])
			(*r)[0] = e
			return e.value, true
		}
	}
	return v, false
}

func (r *recent[V]) add(key [sha256.Size]byte, v V) {
	if len(*r) == tlsKept {
		*r = (*r)[:tlsKept-1]
	}
	*r = slices.Insert(*r, 0, struct {
		key   [sha256.Size]byte
		value V
	}{key, v})
}

// tlsParams are the parameters of start_tls and its like.
type tlsParams struct {
	side           handle.Side
	cert, key, ca  string
	serverName     string
	alpn           []string
	verify         bool
	minVersion     uint16
	clientCert     string
	sessionTickets bool
	certificates   *lua.LFunction
	early          string
	timeout        time.Duration
}

var (
	tlsSides    = map[string]handle.Side{"client": handle.Client, "server": handle.Server}
	tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

	tlsClientCerts = map[string]tls.ClientAuthType{
		"none": tls.NoClientCert, "request": tls.VerifyClientCertIfGiven, "require": tls.RequireAndVerifyClientCert,
	}
	tlsUnverified = map[string]tls.ClientAuthType{
		"none": tls.NoClientCert, "request": tls.RequestClientCert, "require": tls.RequireAnyClientCert,
	}
)

// tlsDefaults are what a caller of newTLS knows where the script says nothing.
type tlsDefaults struct {
	side       string // "client" or "server"; "" the script has to say
	serverName string // whom a client wants to reach
}

// newTLS reads the parameters of start_tls and its like. Wrong ones raise; an error is about what they lead to: a file that cannot
// be read, a certificate that makes no sense.
func (b *Lib) newTLS(l *lua.LState, table *lua.LTable, who string, d tlsDefaults) (handle.TLS, error) {
	l.Push(table)
	p := readTLS(luax.NewParams(l, l.GetTop(), who), d)
	l.Pop(1)
	config, err := b.tlsConfig(p)
	if err != nil {
		return handle.TLS{}, err
	}
	return handle.TLS{Config: config, Side: p.side, Early: []byte(p.early), Timeout: p.timeout}, nil
}

func readTLS(p *luax.Params, d tlsDefaults) *tlsParams {
	t := &tlsParams{verify: p.Bool("verify", true), sessionTickets: p.Bool("session_tickets", true)}
	t.side = paramChoice(p, "side", tlsSides, d.side)
	t.minVersion = paramChoice(p, "min_version", tlsVersions, "1.2")
	t.clientCert = "none"
	if s, ok := p.String("client_cert"); ok {
		if _, known := tlsClientCerts[s]; !known {
			p.Raise("client_cert: 'none', 'request' or 'require' expected, got '%s'", s)
		}
		t.clientCert = s
	}
	t.cert, _ = p.String("cert")
	t.key, _ = p.String("key")
	t.ca, _ = p.String("ca")
	t.serverName, _ = p.String("server_name")
	t.early, _ = p.String("early")
	t.alpn = paramALPN(p)
	t.certificates = p.Function("certificates")
	seconds := p.Number("handshake_timeout", 60)
	if seconds <= 0 || seconds > tlsTimeoutMax {
		p.Raise("handshake_timeout: number of seconds above 0, at most a day, expected, got %v", seconds)
	}
	t.timeout = luax.Duration(seconds)
	p.Done()

	switch {
	case (t.cert == "") != (t.key == ""):
		p.Raise("cert and key: one without the other")
	case t.side == handle.Server && t.cert == "" && t.certificates == nil:
		p.Raise("cert and key, or certificates, expected: it is a server")
	case t.side == handle.Client && t.certificates != nil:
		p.Raise("certificates: only a server has that")
	}
	if t.serverName == "" {
		t.serverName = d.serverName
	}
	if t.side == handle.Client && t.verify && t.serverName == "" {
		p.Raise("server_name: string expected, got nil (or ask for verify = false)")
	}
	return t
}

// paramChoice is a parameter that names one of a few things.
func paramChoice[V any](p *luax.Params, key string, choices map[string]V, absent string) V {
	name, ok := p.String(key)
	if !ok {
		name = absent
	}
	v, ok := choices[name]
	if !ok {
		names := make([]string, 0, len(choices))
		for n := range choices {
			names = append(names, "'"+n+"'")
		}
		slices.Sort(names)
		got := "nil"
		if name != "" {
			got = "'" + name + "'"
		}
		p.Raise("%s: one of %s expected, got %s", key, strings.Join(names, ", "), got)
	}
	return v
}

// paramALPN is the list of protocols to choose from.
func paramALPN(p *luax.Params) (names []string) {
	t := p.Table("alpn")
	if t == nil {
		return nil
	}
	for i := 1; i <= t.Len(); i++ {
		name, ok := t.RawGetInt(i).(lua.LString)
		if !ok || name == "" || len(name) > 255 {
			p.Raise("alpn: array of strings of 1 to 255 bytes expected, got %s at %d", luax.TypeName(t.RawGetInt(i)), i)
		}
		if len(names) == 100 {
			p.Raise("alpn: more than 100 protocols")
		}
		names = append(names, string(name))
	}
	return names
}

// tlsConfig makes a configuration, or gives the one that was made of the same.
func (b *Lib) tlsConfig(p *tlsParams) (*tls.Config, error) {
	var texts [3]string
	for i, text := range []string{p.cert, p.key, p.ca} {
		var err error
		if texts[i], err = b.tlsSource(text); err != nil {
			return nil, err
		}
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %v %q %v %v %v %v",
		texts, p.serverName, p.side, p.alpn, p.verify, p.minVersion, p.clientCert, p.sessionTickets))
	if p.certificates == nil {
		if c, ok := b.tls.configs.find(key); ok {
			return c, nil
		}
	}
	c := &tls.Config{MinVersion: p.minVersion, NextProtos: p.alpn, SessionTicketsDisabled: !p.sessionTickets}
	if texts[0] != "" {
		pair, err := b.tlsPair(texts[0], texts[1])
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{*pair}
	}
	var pool *x509.CertPool // nil: those that the system trusts
	if texts[2] != "" {
		pool = x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(texts[2])) {
			return nil, invalidTLS("ca: there is no certificate in it")
		}
	}
	if p.side == handle.Client {
		c.ServerName, c.RootCAs, c.InsecureSkipVerify = p.serverName, pool, !p.verify
		if p.sessionTickets && p.serverName != "" {
			c.ClientSessionCache = tls.NewLRUClientSessionCache(tlsSessions)
		}
	} else {
		c.ClientCAs, c.ClientAuth = pool, tlsClientCerts[p.clientCert]
		if !p.verify {
			c.ClientAuth = tlsUnverified[p.clientCert]
		}
	}
	if p.certificates != nil { // a function is mostly another one each time: nothing to be kept
		c.GetCertificate = handle.AskLoop(b.k, func(name string) (*tls.Certificate, error) {
			return b.tlsCertificate(p.certificates, name)
		})
		return c, nil
	}
	b.tls.configs.add(key, c)
	return c, nil
}

func invalidTLS(format string, args ...any) error {
	return &kernel.Error{Errno: syscall.EINVAL, Message: "tls: " + fmt.Sprintf(format, args...)}
}

// tlsSource is a parameter's PEM text: itself, or what the file of that name holds. A file is read each time, since it may have
// changed: that is cheap beside a handshake.
func (b *Lib) tlsSource(text string) (string, error) {
	if text == "" || strings.Contains(text, "-----BEGIN ") {
		return text, nil
	}
	info, err := b.host.Stat(text)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > tlsFileMax {
		return "", invalidTLS("%s is no file of certificates", text)
	}
	f, err := b.host.OpenFile(text, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, tlsFileMax))
	if err != nil {
		return "", err
	}
	return string(content), nil
}

// tlsPair parses a certificate with its key.
func (b *Lib) tlsPair(cert, key string) (*tls.Certificate, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", cert, key))
	if pair, ok := b.tls.pairs.find(sum); ok {
		return pair, nil
	}
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return nil, invalidTLS("cert and key: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	b.tls.pairs.add(sum, &pair)
	return &pair, nil
}

// tlsCertificate asks the script for the certificate of a name. What is wrong with its answer fails the handshake.
func (b *Lib) tlsCertificate(fn *lua.LFunction, name string) (*tls.Certificate, error) {
	if b.meter != nil {
		defer b.meter.Leave(b.meter.Enter())
	}
	l := b.Guard.State
	l.Push(fn)
	l.Push(lua.LString(name))
	if err := b.Guard.Call(l, 1, 2, true); err != nil {
		return nil, invalidTLS("certificates: %s", err.Message)
	}
	cert, isCert := l.Get(-2).(lua.LString)
	key, isKey := l.Get(-1).(lua.LString)
	l.Pop(2)
	if !isCert || !isKey {
		return nil, invalidTLS("certificates: there is none for '%s'", name)
	}
	certText, err := b.tlsSource(string(cert))
	if err != nil {
		return nil, err
	}
	keyText, err := b.tlsSource(string(key))
	if err != nil {
		return nil, err
	}
	return b.tlsPair(certText, keyText)
}

// handleStartTLS gives a new handle in the place of the old one.
func (b *Lib) handleStartTLS(l *lua.LState) int {
	b.changing(l, "handle:start_tls")
	h := b.checkHandle(l, "start_tls")
	a := luax.Args{L: l, Name: "start_tls", Base: 1}
	table, ok := a.Get(1).(*lua.LTable)
	if !ok {
		a.Fail(1, "table")
	}
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	t, err := b.newTLS(l, table, "start_tls", peerName(h))
	if err != nil {
		return luax.Failure(l, err)
	}
	b.k.Touch()
	secure, err := h.StartTLS(b.k, t)
	if err != nil {
		return luax.Failure(l, err)
	}
	ud := b.newHandle(secure)
	ud.Env = l.CheckUserData(1).Env // of a Lua file's descriptor, the file
	l.Push(ud)
	return 1
}

// peerName has a client expect a certificate for the address that it is connected to.
func peerName(h *handle.Handle) (d tlsDefaults) {
	if h != nil {
		if peer, err := h.PeerAddress(); err == nil && peer.IP.IsValid() {
			d.serverName = peer.IP.Addr().Unmap().WithZone("").String()
		}
	}
	return d
}

// handleTLSInfo tells about a connection; nil before the end of its handshake.
func (b *Lib) handleTLSInfo(l *lua.LState) int {
	h := b.checkHandle(l, "tls_info")
	if h.FD() < 0 {
		return luax.Failure(l, errClosed)
	}
	state := h.Info()
	if state == nil {
		l.Push(lua.LNil)
		return 1
	}
	t := l.CreateTable(0, 8)
	t.RawSetString("version", lua.LString(strings.TrimPrefix(tls.VersionName(state.Version), "TLS ")))
	t.RawSetString("cipher", lua.LString(tls.CipherSuiteName(state.CipherSuite)))
	if state.NegotiatedProtocol != "" {
		t.RawSetString("alpn", lua.LString(state.NegotiatedProtocol))
	}
	if state.ServerName != "" {
		t.RawSetString("server_name", lua.LString(state.ServerName))
	}
	if len(state.PeerCertificates) > 0 {
		t.RawSetString("peer_certificate", certificateTable(l, state.PeerCertificates[0]))
	}
	t.RawSetString("resumed", lua.LBool(state.DidResume))
	t.RawSetString("verified", lua.LBool(len(state.VerifiedChains) > 0))
	l.Push(t)
	return 1
}

func certificateTable(l *lua.LState, c *x509.Certificate) *lua.LTable {
	names := l.CreateTable(len(c.DNSNames)+len(c.IPAddresses), 0)
	for _, name := range c.DNSNames {
		names.Append(lua.LString(name))
	}
	for _, ip := range c.IPAddresses {
		names.Append(lua.LString(ip.String()))
	}
	sum := sha256.Sum256(c.Raw)
	t := l.CreateTable(0, 8)
	t.RawSetString("subject", lua.LString(c.Subject.String()))
	t.RawSetString("issuer", lua.LString(c.Issuer.String()))
	t.RawSetString("names", names)
	t.RawSetString("not_before", luax.Seconds(c.NotBefore))
	t.RawSetString("not_after", luax.Seconds(c.NotAfter))
	t.RawSetString("sha256", lua.LString(hex.EncodeToString(sum[:])))
	return t
}

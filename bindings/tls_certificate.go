package bindings

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// tlsDaysMost is how long a certificate made here may be valid: ten years, or for a test, expired as long ago.
const tlsDaysMost = 3650

// tlsSelfSigned makes a certificate and its key: for tests, examples, and peers that know each other. With ca and ca_key it is
// signed by those; without, by itself, and it can sign others.
func (b *Lib) tlsSelfSigned(l *lua.LState) int {
	p := luax.NewParams(l, 1, "poe.tls.self_signed")
	names := []string{"localhost", "127.0.0.1", "::1"}
	if t := p.Table("names"); t != nil {
		names = names[:0]
		for i := 1; i <= t.Len(); i++ {
			name, ok := t.RawGetInt(i).(lua.LString)
			if !ok || name == "" || len(name) > 253 {
				p.Raise("names: array of names and addresses expected, got %s at %d", luax.TypeName(t.RawGetInt(i)), i)
			}
			if len(names) == 100 {
				p.Raise("names: more than 100 names")
			}
			names = append(names, string(name))
		}
		if len(names) == 0 {
			p.Raise("names: at least one expected")
		}
	}
	days := p.Int("days", -tlsDaysMost, tlsDaysMost, 30)
	ca, hasCA := p.String("ca")
	caKey, hasKey := p.String("ca_key")
	p.Done()
	if hasCA != hasKey {
		p.Raise("ca and ca_key: one without the other")
	}
	var issuer *tls.Certificate
	if hasCA {
		var err error
		if issuer, err = b.tlsIssuer(ca, caKey); err != nil {
			return luax.Failure(l, err)
		}
	}
	cert, key, err := newCertificate(names, b.k.Clock().Wall(), days, issuer)
	if err != nil {
		return luax.Failure(l, invalidTLS("%v", err))
	}
	l.Push(lua.LString(cert))
	l.Push(lua.LString(key))
	return 2
}

func (b *Lib) tlsIssuer(ca, key string) (*tls.Certificate, error) {
	for _, text := range []*string{&ca, &key} {
		var err error
		if *text, err = b.tlsSource(*text); err != nil {
			return nil, err
		}
	}
	pair, err := b.tlsPair(ca, key)
	if err == nil && !pair.Leaf.IsCA {
		err = invalidTLS("ca: the certificate may not sign others")
	}
	return pair, err
}

// newCertificate makes a certificate for names and addresses, and its key, as PEM. It is valid from an hour before now, or
// before its end, for clocks that do not agree.
func newCertificate(names []string, now time.Time, days int, issuer *tls.Certificate) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	end := now.AddDate(0, 0, days)
	begin := now
	if end.Before(now) {
		begin = end
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]},
		NotBefore: begin.Add(-time.Hour), NotAfter: end, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	parent, signer := template, crypto.PrivateKey(private)
	if issuer == nil {
		template.IsCA = true
		template.KeyUsage |= x509.KeyUsageCertSign
	} else {
		parent, signer = issuer.Leaf, issuer.PrivateKey
		if template.Subject.String() == parent.Subject.String() {
			template.Subject.SerialNumber = serial.Text(16) // else it would look as if it had signed itself
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return cert, key, nil
}

package handle

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
)

var (
	// errCut is the end of input without close_notify: anybody on the way can bring that about.
	errCut = errors.New("the connection was cut: its end came without close_notify")

	errNotWithTLS = &kernel.Error{Errno: syscall.ENOTSUP, Message: "not possible with TLS"}
)

// explain makes a failure of TLS one with an errno, the system's if it was the system and EPROTO if not, and a message that
// says whose fault it is, where crypto/tls leaves one guessing. during is "handshake", or "" afterwards.
func explain(during string, err error) error {
	errno := syscall.EPROTO
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		errno = number
	}
	return refusal(during, errno, reason(err))
}

// refusal is a failure of the operation "tls", which who tells it as an argument of its own takes away from the message.
func refusal(during string, errno syscall.Errno, text string) error {
	return &host.OpError{Op: "tls", Name: during, Err: &kernel.Error{Errno: errno, Message: text}}
}

func reason(err error) string {
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return notTLS(e)
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return "wrong name: " + bare(e.Error())
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "unknown authority: " + bare(e.Error())
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "expired: " + bare(e.Error())
		}
		return "bad certificate: " + bare(e.Error())
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return "the peer refuses: " + bare(e.Err.Error())
	}
	switch err {
	case io.EOF, io.ErrUnexpectedEOF:
		return "the peer ended the connection"
	}
	return bare(err.Error())
}

// bare is a message of Go's packages without their names.
func bare(text string) string {
	for _, prefix := range []string{"local error: ", "tls: ", "x509: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

// notTLS tells what came in the place of TLS.
func notTLS(e tls.RecordHeaderError) string {
	began := string(e.RecordHeader[:])
	for _, method := range []string{"HTTP/", "GET ", "HEAD ", "POST ", "PUT ", "OPTIO", "DELET", "PATCH"} {
		if strings.HasPrefix(began, method) {
			return "the peer speaks plain HTTP"
		}
	}
	return "the peer does not speak TLS (" + bare(e.Msg) + "): it sent " + strconv.QuoteToASCII(began)
}

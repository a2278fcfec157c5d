// Package console lets people attach a prompt to a running program, over a UNIX socket that only its user may open.
package console

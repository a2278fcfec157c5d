//go:build !unix

package poll

var pollers []kind

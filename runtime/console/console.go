// Package console lets people type at a running program from another process: a Server listens on a UNIX socket and
// makes a prompt (runtime/repl) for each connection, and a Client is the other end.
//
//	server, err := console.Listen(rt, console.Options{})
//	defer server.Close()
//
// The socket is the user's own: its mode is 0600, and who connects must be that user, or root. The kernel does not
// know of it: connections have goroutines, which hand over what was typed with Submit. So a Server keeps no program
// alive, and nobody at its other end delays one: output waits in a buffer, and what there is no room for is left out.
//
// What is said are frames: a byte that tells the kind, a length of four bytes, and that much more (frame.go).
package console

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	historyEntries = 1000
	historyBytes   = 1 << 20 // of the file
	historyLine    = 1 << 14 // bytes; a longer one is not kept
)

// history is what was typed, kept in a file that only its owner can read. Without a file, or when it cannot be
// written, it is forgotten with the process.
type history struct {
	path string
	file *os.File // nil: nothing is kept

	mu      sync.Mutex
	entries []string // the oldest first
}

// all gives the lines, the oldest first. The caller changes nothing.
func (h *history) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries
}

// historyFile is in the directory for what programs keep between their runs; "" if the user has none.
func historyFile() string {
	dir := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return ""
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "poelua", "history")
}

// openHistory reads what the file has and bounds it.
func openHistory(path string) *history {
	h := &history{path: path}
	if path == "" || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return h
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return h
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return h
	}
	h.file = file
	if info.Mode().Perm() != 0o600 {
		file.Chmod(0o600) // it fails for a file that is somebody else's
	}
	from := max(0, info.Size()-historyBytes)
	text, err := io.ReadAll(io.NewSectionReader(file, from, historyBytes))
	if err != nil {
		return h
	}
	if from > 0 { // the first line is not whole
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && len(line) <= historyLine {
			h.entries = append(h.entries, line)
		}
	}
	if lines := len(h.entries); from > 0 || lines > 2*historyEntries {
		h.entries = h.entries[max(0, lines-historyEntries):]
		h.rewrite()
	}
	h.entries = h.entries[max(0, len(h.entries)-historyEntries):]
	return h
}

// rewrite makes the file anew, of the entries. It stays as it is if that fails.
func (h *history) rewrite() {
	fresh, err := os.CreateTemp(filepath.Dir(h.path), "history") // mode 0600
	if err != nil {
		return
	}
	_, err = io.WriteString(fresh, strings.Join(h.entries, "\n")+"\n")
	if err != nil || os.Rename(fresh.Name(), h.path) != nil {
		fresh.Close()
		os.Remove(fresh.Name())
		return
	}
	h.file.Close()
	h.file = fresh
}

// add keeps a line.
func (h *history) add(line string) {
	h.mu.Lock()
	h.entries = append(h.entries[max(0, len(h.entries)-historyEntries+1):], line)
	h.mu.Unlock()
	if h.file == nil {
		return
	}
	if _, err := io.WriteString(h.file, line+"\n"); err != nil { // the disk is full: what follows is not kept, either
		h.file.Close()
		h.file = nil
	}
}

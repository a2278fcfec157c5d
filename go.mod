module github.com/poelua/poelua

go 1.26.0

require (
	github.com/yuin/gopher-lua v1.1.2
	golang.org/x/sys v0.49.0
)

require (
	github.com/chzyer/readline v1.5.1
	github.com/google/pprof v0.0.0-20260906184651-6331bc6350fe
)

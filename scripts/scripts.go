// Package scripts holds the Lua that ships inside the binary.
package scripts

import "embed"

// FS holds the modules by path: poe/test.lua is what require "poe.test" gives.
//
//go:embed all:poe
var FS embed.FS

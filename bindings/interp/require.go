package interp

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/kernel/host"
)

// requireSource is require. find looks for a module: it gives a loader, or nil and the value that the module has
// already.
const requireSource = `
local find, finish = ...
return function(...)
  local loader, value = find(...)
  if not loader then return value end
  local name = ...
  return finish(name, loader(name))
end`

// openRequire makes require and the searchers in package.loaders.
func (o loader) openRequire(l *lua.LState) {
	pkg := l.GetGlobal("package").(*lua.LTable)
	loaded := l.GetField(l.Get(lua.RegistryIndex), "_LOADED").(*lua.LTable)
	loaded.RawSetString("package", pkg)
	r := requirer{o, pkg, loaded, &lua.LUserData{Metatable: lua.LNil}}
	loaders := l.CreateTable(2, 0)
	loaders.Append(l.NewFunction(r.searchPreload))
	loaders.Append(l.NewFunction(r.searchPath))
	pkg.RawSetString("loaders", loaders)
	pkg.RawSetString("loadlib", l.NewFunction(loadlib))
	l.SetField(l.Get(lua.RegistryIndex), "_LOADERS", loaders)
	l.SetGlobal("require", luaPart(l, requireSource, l.NewFunction(r.find), l.NewFunction(r.finish)))
}

// loadlib is package.loadlib where there are no C modules.
func loadlib(l *lua.LState) int {
	a := luax.Args{L: l, Name: "loadlib"}
	textArg(a, 1)
	textArg(a, 2)
	l.Push(lua.LNil)
	l.Push(lua.LString("C modules cannot be loaded"))
	l.Push(lua.LString("absent"))
	return 3
}

// requirer is require's state.
type requirer struct {
	loader
	pkg     *lua.LTable
	loaded  *lua.LTable
	loading *lua.LUserData // stands in loaded for a module that is being loaded
}

func (r *requirer) find(l *lua.LState) int {
	var name lua.LString
	switch v := l.Get(1).(type) {
	case lua.LString:
		name = v
	case lua.LNumber:
		name = lua.LString(v.String())
	default:
		got := luax.TypeName(v)
		if l.GetTop() == 0 {
			got = "no value"
		}
		raiseAtCaller(l, "bad argument #1 to 'require' (string expected, got "+got+")")
	}
	if v := l.GetField(r.loaded, string(name)); lua.LVAsBool(v) {
		if v == lua.LValue(r.loading) {
			raiseAtCaller(l, "loop or previous error loading module '"+string(name)+"'")
		}
		l.Push(lua.LNil)
		l.Push(v)
		return 2
	}
	l.Push(r.search(l, name))
	r.loaded.RawSetString(string(name), r.loading)
	return 1
}

// search asks one searcher after the other for a loader.
func (r *requirer) search(l *lua.LState, name lua.LString) lua.LValue {
	searchers, ok := r.pkg.RawGetString("loaders").(*lua.LTable)
	if !ok {
		raiseAtCaller(l, "'package.loaders' must be a table")
	}
	var tried strings.Builder
	for i := 1; ; i++ {
		searcher := searchers.RawGetInt(i)
		if searcher == lua.LNil {
			raiseAtCaller(l, "module '"+string(name)+"' not found:"+tried.String())
		}
		l.Push(searcher)
		l.Push(name)
		if err := r.guard.Call(l, 1, 1, false); err != nil {
			luax.Raise(l, err)
		}
		found := l.Get(-1)
		l.Pop(1)
		switch found := found.(type) {
		case *lua.LFunction:
			return found
		case lua.LString:
			if !strings.HasPrefix(string(found), "\n") {
				tried.WriteString("\n\t")
			}
			tried.WriteString(string(found))
		}
	}
}

// finish gives the value of a module that has run: what it returned, what it put into package.loaded itself, or true.
func (r *requirer) finish(l *lua.LState) int {
	name := l.Get(1).String()
	if v := l.Get(2); v != lua.LNil {
		r.loaded.RawSetString(name, v)
	}
	v := l.GetField(r.loaded, name)
	if v == lua.LValue(r.loading) {
		v = lua.LTrue
		r.loaded.RawSetString(name, v)
	}
	l.Push(v)
	return 1
}

// raiseBare raises without a place. The place of a searcher is in require, which tells nobody anything.
func raiseBare(l *lua.LState, message string) { l.Error(lua.LString(message), 0) }

func (r *requirer) searchPreload(l *lua.LState) int {
	name := textArg(luax.Args{L: l, Name: "require"}, 1)
	preload, ok := r.pkg.RawGetString("preload").(*lua.LTable)
	if !ok {
		raiseBare(l, "'package.preload' must be a table")
	}
	v := l.GetField(preload, name)
	if v == lua.LNil {
		v = lua.LString("\n\tno field package.preload['" + name + "']")
	}
	l.Push(v)
	return 1
}

// searchPath looks for a module's file in package.path.
func (r *requirer) searchPath(l *lua.LState) int {
	name := textArg(luax.Args{L: l, Name: "require"}, 1)
	path, ok := r.pkg.RawGetString("path").(lua.LString)
	if !ok {
		raiseBare(l, "'package.path' must be a string")
	}
	var tried strings.Builder
	for _, template := range strings.Split(string(path), ";") {
		if template == "" {
			continue
		}
		file := strings.ReplaceAll(template, "?", strings.ReplaceAll(name, ".", "/"))
		source, err := readSource(r.c.Host, file)
		if missing, ok := errors.AsType[*unreadable](err); ok && missing.act == "open" {
			tried.WriteString("\n\tno file '" + file + "'" + refusalOf(err))
			continue
		}
		var fn *lua.LFunction
		if err == nil {
			fn, err = Load(l, file, source)
		}
		if err != nil {
			raiseBare(l, "error loading module '"+name+"' from file '"+file+"':\n\t"+err.Error())
		}
		l.Push(fn)
		return 1
	}
	l.Push(lua.LString(tried.String()))
	return 1
}

// refusalOf says that a file may be there, but not for this script; "" if that is not so.
func refusalOf(err error) string {
	if denied, ok := errors.AsType[*host.PermissionError](err); ok {
		return " (permission denied: needs " + denied.Needs + ")"
	}
	return ""
}

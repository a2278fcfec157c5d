package bindings

import (
	"math"
	"strconv"
	"strings"
	"syscall"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/kernel"
)

// What HTTPD and HTTPClient give is a table whose fields are answered in Go: to fill one takes several times as long as to
// read a request and to put its answer together. A script that sets a field gets them all, as plain fields of its own; from
// then on nothing is answered but methods. Before that, next and rawget find nothing: that is what the method fields is for.

// httpLib is what the library needs for HTTP.
type httpLib struct {
	requestMeta, responseMeta       *lua.LTable
	requestMethods, responseMethods *lua.LTable
}

// httpMessage is a request or a response that a filter gave.
type httpMessage struct {
	table    lua.LTable // what scripts have
	request  *filters.Request
	response *filters.Response // the one of the two that it is
	headers  *lua.LTable       // made when they are first read
	list     *lua.LTable
	trailers *lua.LTable
	cause    lua.LValue // the request that an error item is about
	filled   bool       // all fields are in the table
}

var httpMessageOffset = fieldOffset[httpMessage]("table")

// mostFormFields bounds what cookies, query_params and form make a table of.
const mostFormFields = 10_000

func (b *Lib) openHTTP(l *lua.LState) {
	common := map[string]lua.LGFunction{
		"header":     b.httpHeader,
		"header_all": b.httpHeaderAll,
		"fields":     b.httpFields,
	}
	b.http.responseMethods = class(l, common)
	b.http.requestMethods = class(l, common)
	for name, f := range map[string]lua.LGFunction{"cookies": b.httpCookies, "query_params": b.httpQueryParams, "form": b.httpForm} {
		b.http.requestMethods.RawSetString(name, l.NewFunction(f))
	}
	index := l.NewFunction(b.httpIndex)
	more := map[string]lua.LGFunction{"__newindex": b.httpNewIndex, "__tostring": b.httpString}
	b.http.requestMeta = metatable(l, "poe.Request", index, more)
	b.http.responseMeta = metatable(l, "poe.Response", index, more)
}

// requestTable is a request as scripts see it.
func (b *Lib) requestTable(r *filters.Request) *lua.LTable {
	m := &httpMessage{request: r}
	m.table.Metatable = b.http.requestMeta
	return &m.table
}

// responseTable is a response as scripts see it; an error of HTTPD is one.
func (b *Lib) responseTable(r *filters.Response) *lua.LTable {
	m := &httpMessage{response: r}
	m.table.Metatable = b.http.responseMeta
	return &m.table
}

// endTable is the end of a body as scripts see it.
func (b *Lib) endTable(end *filters.End) *lua.LTable {
	t := b.main.CreateTable(0, 2)
	t.RawSetString("is_end", lua.LTrue)
	t.RawSetString("trailers", b.joinedTable(end.Trailers))
	return t
}

// joinedTable maps the names of header lines, in lower case, to their values.
func (b *Lib) joinedTable(h filters.HeaderList) *lua.LTable {
	joined := h.Joined()
	t := b.main.CreateTable(0, len(joined))
	for _, field := range joined {
		t.RawSetString(field.Name, lua.LString(field.Value))
	}
	return t
}

// listTable is an array of { name, value }.
func (b *Lib) listTable(h filters.HeaderList) *lua.LTable {
	list := b.main.CreateTable(len(h), 0)
	for _, field := range h {
		pair := b.main.CreateTable(2, 0)
		pair.Append(lua.LString(field.Name))
		pair.Append(lua.LString(field.Value))
		list.Append(pair)
	}
	return list
}

// message is a value as one that a filter gave, nil if it is none. Scripts cannot get at the metatables that tell.
func (b *Lib) message(v lua.LValue) *httpMessage {
	t, ok := v.(*lua.LTable)
	if !ok || t.Metatable != lua.LValue(b.http.requestMeta) && t.Metatable != lua.LValue(b.http.responseMeta) {
		return nil
	}
	return luax.Container[httpMessage](t, httpMessageOffset)
}

func (b *Lib) checkMessage(l *lua.LState, method string) *httpMessage {
	m := b.message(l.Get(1))
	if m == nil {
		l.RaiseError("calling '%s' on a bad self (use request:%s)", method, method)
	}
	return m
}

// header is the list of lines as they came.
func (m *httpMessage) header() filters.HeaderList {
	if m.request != nil {
		return m.request.Header
	}
	return m.response.Header
}

// httpIndex answers a field, or a method.
func (b *Lib) httpIndex(l *lua.LState) int {
	m := b.message(l.Get(1))
	key, ok := l.Get(2).(lua.LString)
	if m == nil || !ok {
		l.Push(lua.LNil)
		return 1
	}
	if !m.filled {
		if v := b.httpField(m, string(key)); v != lua.LNil {
			l.Push(v)
			return 1
		}
	}
	methods := b.http.requestMethods
	if m.response != nil {
		methods = b.http.responseMethods
	}
	l.Push(methods.RawGetString(string(key)))
	return 1
}

var (
	requestFields = []string{
		"method", "uri", "path", "query", "protocol", "headers", "header_list", "content", "chunked", "trailers", "keep_alive",
		"expect_continue",
	}
	responseFields = []string{
		"is_response", "status", "reason", "protocol", "headers", "header_list", "content", "chunked", "trailers", "keep_alive",
		"interim", "request",
	}
)

// httpField is a field as the filter gave it; nil if there is none of that name.
func (b *Lib) httpField(m *httpMessage, key string) lua.LValue {
	switch key {
	case "headers":
		return lazily(&m.headers, b.joinedTable, m.header())
	case "header_list":
		return lazily(&m.list, b.listTable, m.header())
	}
	if r := m.request; r != nil {
		return b.requestField(m, r, key)
	}
	return b.responseField(m, m.response, key)
}

// lazily makes a table when it is first wanted.
func lazily(t **lua.LTable, create func(filters.HeaderList) *lua.LTable, h filters.HeaderList) lua.LValue {
	if *t == nil {
		*t = create(h)
	}
	return *t
}

func (b *Lib) requestField(m *httpMessage, r *filters.Request, key string) lua.LValue {
	switch key {
	case "method":
		return lua.LString(r.Method)
	case "uri":
		return lua.LString(r.URI)
	case "path":
		return lua.LString(r.Path)
	case "query":
		if r.HasQuery {
			return lua.LString(r.Query)
		}
	case "protocol":
		return lua.LString(r.Protocol)
	case "content":
		if r.HasContent {
			return lua.LString(r.Content)
		}
	case "chunked":
		return lua.LBool(r.Chunked)
	case "trailers":
		return lazily(&m.trailers, b.joinedTable, r.Trailers)
	case "keep_alive":
		return lua.LBool(r.KeepAlive)
	case "expect_continue":
		return lua.LBool(r.ExpectContinue)
	}
	return lua.LNil
}

func (b *Lib) responseField(m *httpMessage, r *filters.Response, key string) lua.LValue {
	switch key {
	case "is_response":
		return lua.LTrue
	case "status":
		return lua.LNumber(r.Status)
	case "reason":
		return lua.LString(r.Reason)
	case "protocol":
		return lua.LString(r.Protocol)
	case "content":
		if r.HasContent {
			return lua.LString(r.Content)
		}
	case "chunked":
		return lua.LBool(r.Chunked)
	case "trailers":
		return lazily(&m.trailers, b.joinedTable, r.Trailers)
	case "keep_alive":
		return lua.LBool(r.KeepAlive)
	case "interim":
		return lua.LBool(r.Interim)
	case "request":
		if r.Request != nil && m.cause == nil {
			m.cause = b.requestTable(r.Request)
		}
		if m.cause != nil {
			return m.cause
		}
	}
	return lua.LNil
}

// copyFields puts all fields into a table.
func (b *Lib) copyFields(m *httpMessage, t *lua.LTable) {
	names := requestFields
	if m.response != nil {
		names = responseFields
	}
	for _, name := range names {
		if v := b.httpField(m, name); v != lua.LNil {
			t.RawSetString(name, v)
		}
	}
}

// httpNewIndex sets a field that is not in the table yet.
func (b *Lib) httpNewIndex(l *lua.LState) int {
	m := b.message(l.Get(1))
	if m == nil {
		l.RaiseError("poe.Request expected, got %s", luax.TypeName(l.Get(1)))
	}
	if !m.filled {
		b.copyFields(m, &m.table)
		m.filled = true
	}
	key := l.Get(2)
	if n, ok := key.(lua.LNumber); key == lua.LNil || ok && n != n {
		l.RaiseError("table index is %s", key.String())
	}
	m.table.RawSet(key, l.Get(3))
	return 0
}

func (b *Lib) httpString(l *lua.LState) int {
	m := b.checkMessage(l, "tostring")
	if r := m.request; r != nil {
		l.Push(lua.LString("poe.Request(" + r.Method + " " + r.URI + ")"))
	} else {
		l.Push(lua.LString("poe.Response(" + strconv.Itoa(m.response.Status) + ")"))
	}
	return 1
}

// httpHeader gives the first value of a header line as it came, in any case.
func (b *Lib) httpHeader(l *lua.LState) int {
	m := b.checkMessage(l, "header")
	value, ok := m.header().Get(luax.Args{L: l, Name: "header", Base: 1}.String(1))
	if !ok {
		l.Push(lua.LNil)
		return 1
	}
	l.Push(lua.LString(value))
	return 1
}

func (b *Lib) httpHeaderAll(l *lua.LState) int {
	m := b.checkMessage(l, "header_all")
	values := m.header().Values(luax.Args{L: l, Name: "header_all", Base: 1}.String(1))
	t := l.CreateTable(len(values), 0)
	for _, value := range values {
		t.Append(lua.LString(value))
	}
	l.Push(t)
	return 1
}

// httpFields gives all fields in a plain table.
func (b *Lib) httpFields(l *lua.LState) int {
	m := b.checkMessage(l, "fields")
	t := l.CreateTable(0, len(responseFields))
	if m.filled {
		for k, v := m.table.Next(lua.LNil); k != lua.LNil; k, v = m.table.Next(k) {
			t.RawSet(k, v)
		}
	} else {
		b.copyFields(m, t)
	}
	l.Push(t)
	return 1
}

func (b *Lib) checkRequest(l *lua.LState, method string) *filters.Request {
	m := b.checkMessage(l, method)
	if m.request == nil {
		l.RaiseError("calling '%s' on a bad self (use request:%s)", method, method)
	}
	return m.request
}

func (b *Lib) httpCookies(l *lua.LState) int {
	return pushNamed(l, b.checkRequest(l, "cookies").Header.Cookies())
}

func (b *Lib) httpQueryParams(l *lua.LState) int {
	return b.pushForm(l, b.checkRequest(l, "query_params").Query)
}

// httpForm gives the fields of a form that was sent: nil, message and errno if the content is none.
func (b *Lib) httpForm(l *lua.LState) int {
	r := b.checkRequest(l, "form")
	kind, _ := r.Header.Get("Content-Type")
	kind, _, _ = strings.Cut(kind, ";")
	if kind = strings.TrimSpace(kind); !r.HasContent || !strings.EqualFold(kind, "application/x-www-form-urlencoded") {
		return b.failure(l, &kernel.Error{Errno: syscall.EBADMSG, Message: "the content is not a form, but " + strconv.Quote(kind)})
	}
	return b.pushForm(l, r.Content)
}

func (b *Lib) pushForm(l *lua.LState, s string) int {
	fields, ok := filters.ParseForm(s, mostFormFields)
	if !ok {
		return b.failure(l, &kernel.Error{Errno: syscall.EMSGSIZE, Message: "more than " + strconv.Itoa(mostFormFields) + " fields"})
	}
	return pushNamed(l, fields)
}

// pushNamed pushes a table of values by name. The first of several counts.
func pushNamed(l *lua.LState, fields []filters.Field) int {
	t := l.CreateTable(0, min(len(fields), 16))
	for _, field := range fields {
		if t.RawGetString(field.Name) == lua.LNil {
			t.RawSetString(field.Name, lua.LString(field.Value))
		}
	}
	l.Push(t)
	return 1
}

// httpReader reads the fields of what a script puts. The first thing that is wrong is in err.
type httpReader struct {
	b   *Lib
	who string
	t   *lua.LTable
	m   *httpMessage // nil: a table of the script's
	err error
}

func (r *httpReader) fault(path, want string, got lua.LValue) {
	if r.err == nil {
		r.err = &filters.ItemError{Filter: r.who, Want: want, Got: got, Path: path}
	}
}

func (r *httpReader) get(key string) lua.LValue {
	if v := r.t.RawGetString(key); v != lua.LNil || r.m == nil || r.m.filled {
		return v
	}
	return r.b.httpField(r.m, key)
}

// text is a field that is a string, or a number; ok is false if it is absent.
func (r *httpReader) text(key string) (s string, ok bool) {
	v := r.get(key)
	if v == lua.LNil {
		return "", false
	}
	if s, ok = httpText(v); !ok {
		r.fault(key, "string", v)
	}
	return s, ok
}

func httpText(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return v.String(), true
	}
	return "", false
}

func (r *httpReader) boolean(key string) bool {
	v := r.get(key)
	on, ok := v.(lua.LBool)
	if !ok && v != lua.LNil {
		r.fault(key, "boolean", v)
	}
	return bool(on)
}

func (r *httpReader) table(key string) *lua.LTable {
	v := r.get(key)
	t, ok := v.(*lua.LTable)
	if !ok && v != lua.LNil {
		r.fault(key, "table", v)
	}
	return t
}

// named reads header lines: an array of { name, value } or values by name, where a value is a string or an array of strings.
func (r *httpReader) named(path string, t *lua.LTable, add func(name, value string)) {
	in := luax.Inside(t)
	for i, v := range in.Array {
		at := path + "[" + strconv.Itoa(i+1) + "]"
		pair, ok := v.(*lua.LTable)
		if !ok {
			r.fault(at, "name and value", v)
			return
		}
		name, ok := httpText(pair.RawGetInt(1))
		value, isText := httpText(pair.RawGetInt(2))
		if !ok || !isText {
			r.fault(at, "name and value", v)
			return
		}
		add(name, value)
	}
	for _, key := range in.Keys {
		name, ok := key.(lua.LString)
		if !ok {
			if in.Others[key] != nil {
				r.fault(path, "names that are strings", key)
			}
			continue
		}
		switch v := in.Strings[string(name)].(type) {
		case nil: // set to nil
		case *lua.LTable:
			for i := 1; i <= v.Len(); i++ {
				value, ok := httpText(v.RawGetInt(i))
				if !ok {
					r.fault(path+"."+string(name)+"["+strconv.Itoa(i)+"]", "string", v.RawGetInt(i))
				}
				add(string(name), value)
			}
		default:
			value, ok := httpText(v)
			if !ok {
				r.fault(path+"."+string(name), "string", v)
			}
			add(string(name), value)
		}
	}
}

// headers reads the header lines. Where there is a header_list, as in what a filter gave, it says them, as headers say that they
// have been changed: so the lines of a name that a script has not touched stay several ones.
func (r *httpReader) headers(add func(name, value string)) {
	headers, list := r.table("headers"), r.table("header_list")
	if list == nil {
		if headers != nil {
			r.named("headers", headers, add)
		}
		return
	}
	var came filters.HeaderList
	r.named("header_list", list, func(name, value string) { came = append(came, filters.Field{Name: name, Value: value}) })
	if headers == nil {
		for _, field := range came {
			add(field.Name, field.Value)
		}
		return
	}
	var now filters.HeaderList
	r.named("headers", headers, func(name, value string) { now = append(now, filters.Field{Name: name, Value: value}) })
	values, joined := map[string]string{}, map[string]string{}
	for _, field := range now.Joined() {
		values[field.Name] = field.Value
	}
	for _, field := range came.Joined() {
		joined[field.Name] = field.Value
	}
	for _, field := range came {
		name := strings.ToLower(field.Name)
		if value, ok := values[name]; ok && value == joined[name] {
			add(field.Name, field.Value)
		}
	}
	for _, field := range now {
		name := strings.ToLower(field.Name)
		if value, ok := joined[name]; !ok || value != values[name] {
			add(field.Name, field.Value)
		}
	}
}

// endOrString takes what is neither a request nor a response: nil if it is something else.
func (r *httpReader) endOrString(v lua.LValue) any {
	var ok bool
	if r.t, ok = v.(*lua.LTable); !ok {
		if s, ok := httpText(v); ok {
			return s
		}
		return v // the filter says what is wrong with it
	}
	if r.m = r.b.message(v); r.m != nil || !r.boolean("is_end") {
		return nil
	}
	end := &filters.End{}
	if trailers := r.table("trailers"); trailers != nil {
		r.named("trailers", trailers, func(name, value string) {
			end.Trailers = append(end.Trailers, filters.Field{Name: name, Value: value})
		})
	}
	return end
}

// untouched says whether nothing of a message has been changed, nor could have been.
func (m *httpMessage) untouched() bool { return !m.filled && m.headers == nil && m.list == nil }

// responseFromLua makes what HTTPD puts of what a script puts: a response, the end of a body, a string.
func (b *Lib) responseFromLua(v lua.LValue) (any, error) {
	r := &httpReader{b: b, who: "HTTPD"}
	if item := r.endOrString(v); item != nil || r.err != nil {
		return item, r.err
	}
	if r.m != nil {
		if r.m.request != nil {
			r.fault("", "response, string or end", v)
			return nil, r.err
		}
		if r.m.untouched() {
			return r.m.response, nil
		}
	}
	response := &filters.Response{}
	switch status := r.get("status").(type) {
	case lua.LNumber:
		response.Status = int(status)
		if lua.LNumber(response.Status) != status || status == 0 {
			r.fault("status", "number from 100 to 999", status)
		}
	case *lua.LNilType:
	default:
		r.fault("status", "number", status)
	}
	response.Reason, _ = r.text("reason")
	response.Protocol, _ = r.text("protocol")
	response.Content, response.HasContent = r.text("content")
	response.Chunked = r.boolean("chunked")
	r.headers(response.Add)
	return response, r.err
}

// requestFromLua makes what HTTPClient puts of what a script puts: a request, the end of a body, a string.
func (b *Lib) requestFromLua(v lua.LValue) (any, error) {
	r := &httpReader{b: b, who: "HTTPClient"}
	if item := r.endOrString(v); item != nil || r.err != nil {
		return item, r.err
	}
	if r.m != nil {
		if r.m.response != nil {
			r.fault("", "request, string or end", v)
			return nil, r.err
		}
		if r.m.untouched() {
			return r.m.request, nil
		}
	}
	request := &filters.Request{}
	request.Method, _ = r.text("method")
	request.URL, _ = r.text("url")
	request.URI, _ = r.text("uri")
	request.Protocol, _ = r.text("protocol")
	request.Content, request.HasContent = r.text("content")
	request.Chunked = r.boolean("chunked")
	r.headers(request.Add)
	return request, r.err
}

// httpFrom makes the From of a filter. What the program has as a Go value passes.
func httpFrom(convert func(lua.LValue) (any, error)) func(any) (any, error) {
	return func(item any) (any, error) {
		if v, ok := item.(lua.LValue); ok {
			return convert(v)
		}
		return item, nil
	}
}

func buildHTTPD(b *Lib, p *luax.Params) filters.Filter {
	given := p.Has("max_content")
	f := &filters.HTTPD{
		MaxContent: p.Int("max_content", 1, math.MaxInt, filters.DefaultMaxContent),
		MaxHeader:  p.Int("max_header", 1, math.MaxInt, filters.DefaultMaxHeader),
		MaxHeaders: p.Int("max_headers", 1, math.MaxInt, filters.DefaultMaxHeaders),
		MaxBuffer:  p.Int("max_buffer", 1, math.MaxInt, filters.DefaultMaxBuffer),
		Streaming:  p.Bool("streaming", false),
		NoDate:     !p.Bool("date", true),
		Server:     "poelua",
		From:       httpFrom(b.responseFromLua),
	}
	if !given {
		f.MaxContent = min(f.MaxContent, f.MaxBuffer)
	}
	if f.MaxContent > f.MaxBuffer {
		p.Raise("max_content: %d is above max_buffer, %d", f.MaxContent, f.MaxBuffer)
	}
	switch server := p.Get("server").(type) {
	case *lua.LNilType:
	case lua.LBool:
		if !server {
			f.Server = ""
		}
	case lua.LString:
		if !filters.IsHeaderValue(string(server)) {
			p.Raise("server: string without line ends expected")
		}
		f.Server = string(server)
	default:
		p.Fail("server", "string or boolean", server)
	}
	return f
}

func buildHTTPClient(b *Lib, p *luax.Params) filters.Filter {
	return &filters.HTTPClient{
		MaxContent: p.Int("max_content", 1, math.MaxInt, 0),
		MaxHeader:  p.Int("max_header", 1, math.MaxInt, filters.DefaultMaxHeader),
		Streaming:  p.Bool("streaming", false),
		From:       httpFrom(b.requestFromLua),
	}
}

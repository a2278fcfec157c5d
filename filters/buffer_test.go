package filters

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

func TestBufferIsAQueueOfBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var b buffer
	var want []byte
	for range 20_000 {
		switch random.IntN(4) {
		case 0, 1:
			size := 400
			if random.IntN(100) == 0 {
				size = 8 * spareSize
			}
			chunk := make([]byte, random.IntN(size))
			for i := range chunk {
				chunk[i] = byte(random.Uint32())
			}
			b.write(chunk)
			want = append(want, chunk...)
		case 2:
			n := random.IntN(min(len(want), 1000) + 1)
			if random.IntN(40) == 0 {
				n = len(want)
			}
			before := b.bytes()[:n]
			b.drop(n)
			if !bytes.Equal(before, want[:n]) {
				t.Fatal("what was dropped is not readable until the next write")
			}
			want = want[n:]
		case 3:
			b.settle()
		}
		if !bytes.Equal(b.bytes(), want) || (b.pending() == nil) != (len(want) == 0) {
			t.Fatalf("got %d bytes, want %d", b.len(), len(want))
		}
		if most := 2*len(want) + 4*idleSize + 8*spareSize; b.start == 0 && cap(b.data) > 4*most {
			t.Fatalf("%d bytes are held in %d", len(want), cap(b.data))
		}
	}
}

// A busy filter uses the same memory again. Of an idle one the collector takes it.
func TestBufferFindsItsMemoryAgain(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), spareSize)
	var b buffer
	b.write(chunk)
	for _, rest := range []int{0, 10} {
		first := &b.data[0]
		b.drop(b.len() - rest)
		b.settle()
		if len(b.data) > idleSize || b.len() != rest {
			t.Fatalf("%d bytes are held for %d", cap(b.data), rest)
		}
		b.write(chunk[:spareSize-rest])
		if &b.data[0] != first {
			t.Errorf("a chunk after %d bytes went into other memory", rest)
		}
		runtime.KeepAlive(first)
	}
	b.drop(b.len())
	runtime.GC()
	if b.spare.Value() != nil {
		t.Error("the collector left the memory of an idle buffer")
	}
}

// A filter that waits for input holds little memory, however much has come at once.
func TestIdleFiltersGiveMemoryBack(t *testing.T) {
	line, literal, block, sized, stream := &Line{}, &Line{Input: "\n"}, &Block{}, &Block{Size: 16}, &Stream{}
	netstring, prefix, reference, octets := &Netstring{}, &LengthPrefix{Width: 1}, &Reference{}, &Syslog{Octet: true}
	values, table, chat, alerts, messages := &JSONLines{}, &CSV{}, &IRC{}, &Snort{}, &Syslog{}
	server, client := &HTTPD{}, &HTTPClient{}
	const fast = "01/02-15:04:05 [**] [1:2:3] x [**]\n"
	for name, c := range map[string]struct {
		f    Filter
		buf  *buffer
		item string
		rest string
	}{
		"line":               {line, &line.buf, "0123456789abcde\n", ""},
		"line, the next one": {literal, &literal.buf, "0123456789abcde\n", "unfinished"},
		"block":              {block, &block.buf, "5\x00hello", "5\x00h"},
		"block of one size":  {sized, &sized.buf, "0123456789abcdef", "begun"},
		"stream":             {stream, &stream.buf, "0123456789abcdef", ""},
		"netstring":          {netstring, &netstring.buf, "5:hello,", "5:hel"},
		"netstring, length":  {netstring, &netstring.buf, "5:hello,", "5"},
		"lengthprefix":       {prefix, &prefix.buf, "\x05hello", "\x05h"},
		"reference":          {reference, &reference.buf, "1\x00\x01", "1"},
		"counted syslog":     {octets, &octets.buf, "5 <1>hi", "5"},
		"jsonlines":          {values, &values.buf, "[1,2]\n", "[1"},
		"csv":                {table, &table.buf, "a,\"b\"\n", "\"a"},
		"irc":                {chat, &chat.buf, "PING x\r\n", "PI"},
		"snort":              {alerts, &alerts.buf, fast, "01/"},
		"syslog":             {messages, &messages.buf, "<1>hi\n", "<1>"},
		"httpd":              {server, &server.buf, "GET / HTTP/1.0\r\n\r\n", "GET"},
		"httpclient":         {client, &client.buf, "HTTP/1.1 204 x\r\n\r\n", "HTTP"},
	} {
		if err := c.f.Feed([]byte(strings.Repeat(c.item, 1<<16/len(c.item)) + c.rest)); err != nil {
			t.Fatal(err)
		}
		if _, err := drain(c.f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := cap(c.buf.data); got > idleSize || string(c.buf.bytes()) != c.rest {
			t.Errorf("%s: %d bytes are held for %q, want %d at most for %q", name, got, c.buf.bytes(), idleSize, c.rest)
		}
		Reset(c.f)
	}
}

func TestItemsAreAQueueWithABound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q items
	next, oldest := 0, 0
	for range 50_000 {
		if random.IntN(2) == 0 {
			if err := q.push("test", next); err != nil {
				t.Fatal(err)
			}
			next++
		} else if item, ok := q.pop(); ok {
			if item != oldest {
				t.Fatalf("got %v, want %d", item, oldest)
			}
			oldest++
		}
		if q.len() != next-oldest || q.size != itemSize*q.len() || cap(q.list) > 4*q.len()+1000 {
			t.Fatalf("%d items are held as %d in %d places, counted as %d", next-oldest, q.len(), cap(q.list), q.size)
		}
	}
	q = items{size: DefaultMaxBuffer + 1}
	if err := q.push("test", "x"); err == nil {
		t.Error("an item is taken when there is too much")
	}
}

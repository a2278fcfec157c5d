package filters

import (
	"bytes"
	"math/rand/v2"
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
			chunk := make([]byte, random.IntN(400))
			for i := range chunk {
				chunk[i] = byte(random.Uint32())
			}
			b.write(chunk)
			want = append(want, chunk...)
		case 2:
			n := random.IntN(min(len(want), 1000) + 1)
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
		if most := 2*len(want) + 4*idleSize + 400; b.start == 0 && cap(b.data) > 4*most {
			t.Fatalf("%d bytes are held in %d", len(want), cap(b.data))
		}
	}
}

// A filter that waits for input holds little memory, however much has come at once.
func TestIdleFiltersGiveMemoryBack(t *testing.T) {
	much := strings.Repeat("0123456789abcde\n", 1<<12)
	line, literal, block, stream := &Line{}, &Line{Input: "\n"}, &Block{Size: 16}, &Stream{}
	for name, c := range map[string]struct {
		f    Filter
		buf  *buffer
		rest string
	}{
		"line":               {line, &line.buf, ""},
		"line, the next one": {literal, &literal.buf, "unfinished"},
		"block":              {block, &block.buf, "begun"},
		"stream":             {stream, &stream.buf, ""},
	} {
		if err := c.f.Feed([]byte(much + c.rest)); err != nil {
			t.Fatal(err)
		}
		for {
			_, ok, err := c.f.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
		}
		if got := cap(c.buf.data); got > idleSize || string(c.buf.bytes()) != c.rest {
			t.Errorf("%s: %d bytes are held for %q, want %d at most for %q", name, got, c.buf.bytes(), idleSize, c.rest)
		}
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

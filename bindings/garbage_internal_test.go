package bindings

import (
	"fmt"
	"testing"
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/host"
	"github.com/poelua/poelua/wheels/handle"
)

// There is one for each connection.
func TestWhatIsRememberedOfAHandleIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(loose{}); size > 32 {
		t.Errorf("got %d bytes, want 32 at most", size)
	}
}

// open gives handles that are open; they share two descriptors.
func open(t testing.TB, n int) []*lua.LUserData {
	t.Helper()
	r, w, err := host.New().Pipe("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	objects := make([]*lua.LUserData, n)
	for i := range objects {
		objects[i] = &lua.LUserData{Value: handle.New(r)}
	}
	return objects
}

// Programs that open and close all the time do not make the list longer.
func TestClosedHandlesAreForgotten(t *testing.T) {
	g := &garbage{}
	h := host.New()
	for range 10_000 {
		r, w, err := h.Pipe("")
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []*host.Handle{r, w} {
			g.add(&lua.LUserData{}, handle.New(end), false)
			end.Close()
		}
	}
	if n := cap(g.handles); n > 64 {
		t.Errorf("there is room for %d handles, and none is open", n)
	}
}

// What is opened while a look is in progress neither ends it nor is closed by it.
func TestHandlesAreAddedDuringALook(t *testing.T) {
	b := &Lib{}
	objects := open(t, 10*lookPortion)
	for i, object := range objects {
		b.garbage.add(object, object.Value.(*handle.Handle), false)
		if i%lookPortion == 0 {
			b.garbage.left = len(b.garbage.handles)
		}
		b.closeGarbage(1)
	}
	b.garbage.left = len(b.garbage.handles)
	for b.garbage.left > 0 {
		if b.closeGarbage(lookPortion) {
			t.Fatal("a handle in use was taken for garbage")
		}
	}
	if n := len(b.garbage.handles); n != len(objects) {
		t.Errorf("got %d handles, want %d", n, len(objects))
	}
}

func BenchmarkLookForGarbageHandles(b *testing.B) {
	for _, n := range []int{1000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			lib := &Lib{k: kernel.New(kernel.Options{})}
			defer lib.k.Close()
			objects := open(b, n)
			for _, object := range objects {
				lib.garbage.add(object, object.Value.(*handle.Handle), false)
			}
			b.ResetTimer()
			for range b.N {
				lib.CloseGarbage()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/handle")
			if len(objects) != n {
				b.Fatal("the objects must be in use")
			}
		})
	}
}

package luax_test

import (
	"math"
	"testing"
	"time"

	"github.com/poelua/poelua/bindings/luax"
)

func TestDuration(t *testing.T) {
	const farthest = 1 << 62
	tests := []struct {
		seconds float64
		want    time.Duration
	}{
		{0, 0}, {1, time.Second}, {-1, -time.Second}, {0.1, 100 * time.Millisecond}, {1e-9, 1}, {0.4e-9, 0}, {0.6e-9, 1},
		{-0.6e-9, -1}, {1.5, 1500 * time.Millisecond}, {86400, 24 * time.Hour}, {0.123456789, 123456789}, {1e9 + 0.5, 1e18 + 5e8},
		{0.9999999999, time.Second}, {math.Inf(1), farthest}, {math.Inf(-1), -farthest}, {1e300, farthest}, {-1e300, -farthest},
		{math.MaxFloat64, farthest}, {math.SmallestNonzeroFloat64, 0},
	}
	for _, test := range tests {
		if got := luax.Duration(test.seconds); got != test.want {
			t.Errorf("%v: got %v, want %v", test.seconds, got, test.want)
		}
	}
}

func TestSecondsHaveMicroseconds(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)
	if got := luax.Time(float64(luax.Seconds(at))).Sub(at).Abs(); got > time.Microsecond/2 {
		t.Errorf("off by %v", got)
	}
	if got := luax.Seconds(time.Unix(0, 0)); got != 0 {
		t.Errorf("got %v, want 0", got)
	}
	if got := luax.Seconds(time.Unix(-2, 5e8)); got != -1.5 {
		t.Errorf("got %v, want -1.5", got)
	}
}

// A duration in seconds is as near as a float can be, and comes back as near.
func FuzzDuration(f *testing.F) {
	for _, seconds := range []float64{0, 0.1, -0.1, 1e9, 4611686018.427387, 4611686018.427388, -4611686018.5, 1e-9, 1e308} {
		f.Add(seconds)
	}
	f.Fuzz(func(t *testing.T, seconds float64) {
		if seconds != seconds {
			t.Skip("arguments are never NaN")
		}
		d := luax.Duration(seconds)
		if (d < 0) != (seconds < 0) && d != 0 {
			t.Errorf("%v: got %v, which has another sign", seconds, d)
		}
		const farthest = float64(1<<62) / 1e9
		want := max(-farthest, min(farthest, seconds))
		if off := math.Abs(d.Seconds() - want); off > 0.5e-9+math.Abs(want)*1e-15 {
			t.Errorf("%v: got %v, off by %v", seconds, d, off)
		}
		if again := luax.Duration(d.Seconds()); (again - d).Abs() > time.Duration(math.Abs(want)*1e-6)+1 {
			t.Errorf("%v: got %v, and of its seconds %v", seconds, d, again)
		}
		at := luax.Time(seconds)
		if back := float64(luax.Seconds(at)); math.Abs(back-want) > 1e-9+math.Abs(want)*1e-15 {
			t.Errorf("%v: the time %v gives %v back", seconds, at, back)
		}
	})
}

package interp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// strftime formats a time as C's function of that name does in the locale C. A conversion that does not exist is kept as
// it is written.
func strftime(format string, t time.Time, utc bool) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(convert(format[i], t, utc))
	}
	return b.String()
}

// composed are the conversions that stand for several others.
var composed = map[byte]string{
	'c': "%a %b %e %H:%M:%S %Y",
	'D': "%m/%d/%y",
	'F': "%Y-%m-%d",
	'r': "%I:%M:%S %p",
	'R': "%H:%M",
	'T': "%H:%M:%S",
	'x': "%m/%d/%y",
	'X': "%H:%M:%S",
}

func convert(c byte, t time.Time, utc bool) string {
	if format, ok := composed[c]; ok {
		return strftime(format, t, utc)
	}
	switch c {
	case 'a':
		return t.Weekday().String()[:3]
	case 'A':
		return t.Weekday().String()
	case 'b', 'h':
		return t.Month().String()[:3]
	case 'B':
		return t.Month().String()
	case 'C':
		return fmt.Sprintf("%02d", floorDiv(t.Year(), 100))
	case 'd':
		return fmt.Sprintf("%02d", t.Day())
	case 'e':
		return fmt.Sprintf("%2d", t.Day())
	case 'g':
		year, _ := t.ISOWeek()
		return fmt.Sprintf("%02d", year-100*floorDiv(year, 100))
	case 'G':
		year, _ := t.ISOWeek()
		return strconv.Itoa(year)
	case 'H':
		return fmt.Sprintf("%02d", t.Hour())
	case 'I':
		return fmt.Sprintf("%02d", hour12(t))
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", hour12(t))
	case 'm':
		return fmt.Sprintf("%02d", int(t.Month()))
	case 'M':
		return fmt.Sprintf("%02d", t.Minute())
	case 'n':
		return "\n"
	case 'p':
		return half(t)
	case 'P':
		return strings.ToLower(half(t))
	case 's':
		return strconv.FormatInt(unixTime(t, utc), 10)
	case 'S':
		return fmt.Sprintf("%02d", t.Second())
	case 't':
		return "\t"
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7)
	case 'V':
		_, week := t.ISOWeek()
		return fmt.Sprintf("%02d", week)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7)
	case 'y':
		return fmt.Sprintf("%02d", t.Year()-100*floorDiv(t.Year(), 100))
	case 'Y':
		return strconv.Itoa(t.Year())
	case 'z':
		return t.Format("-0700")
	case 'Z':
		if utc {
			return "GMT"
		}
		name, _ := t.Zone()
		return name
	case '%':
		return "%"
	}
	return "%" + string([]byte{c})
}

func hour12(t time.Time) int { return (t.Hour()+11)%12 + 1 }

func half(t time.Time) string {
	if t.Hour() < 12 {
		return "AM"
	}
	return "PM"
}

// unixTime is what %s gives: for a time in UTC, as in C, when the local clock without summer time shows the same.
func unixTime(t time.Time, utc bool) int64 {
	if !utc {
		return t.Unix()
	}
	local := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.Local)
	if local.IsDST() {
		local = local.Add(time.Hour)
	}
	return local.Unix()
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

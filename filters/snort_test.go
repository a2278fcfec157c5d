package filters_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/filters"
	"github.com/poelua/poelua/filters/filtertest"
)

const (
	fastTCP  = `08/28-12:15:34.123456  [**] [1:2019401:3] ET POLICY Vulnerable Java Version [**] [Classification: Potentially Bad Traffic] [Priority: 2] {TCP} 192.168.1.5:49152 -> 10.0.0.1:80`
	fastICMP = `08/28/23-12:15:34.123456  [**] [1:469:3] ICMP PING NMAP [**] [Classification: Attempted Information Leak] [Priority: 2] {ICMP} 192.168.1.5 -> 10.0.0.1`
	fast6    = `08/28/2023-12:15:34.123456  [Drop] [**] [1:1000001:1] "quoted: [x]" [**] [Priority: 0] {IPV6-ICMP} fe80::1 -> ff02::16`
	fast6TCP = `08/28-12:15:34.123456 [**] [1:1:1] x [**] [Priority: 3] [AppID: http] {TCP} 2001:db8::1:1024 -> 2001:db8::2:443`
	fastBare = `08/28-12:15:34.123456  [**] [116:150:1] (snort_decoder) Bad Traffic Loopback IP [**] [Priority: 3] {UDP} 127.0.0.1:53 -> 127.0.0.1:5353`

	fullTCP = `[**] [1:1256:8] WEB-IIS CodeRed v2 root.exe access [**]
[Classification: Web Application Attack] [Priority: 1] 
08/28-12:15:34.123456 192.168.1.5:3128 -> 10.0.0.1:80
TCP TTL:128 TOS:0x0 ID:4312 IpLen:20 DgmLen:112 DF
***AP*** Seq: 0x5A9C3B1D  Ack: 0x1B2C3D4E  Win: 0x4470  TcpLen: 20
[Xref => http://www.cert.org/advisories/CA-2001-19.html][Xref => http://cve.mitre.org/cgi-bin/cvename.cgi?name=2001-0500]`

	fullLink = `[**] [1:402:7] ICMP Destination Unreachable Port Unreachable [**]
[Classification: Misc activity] [Priority: 3] 
08/28-12:15:34.123456 0:C:29:3B:1:2 -> 0:50:56:C0:0:8 type:0x800 len:0x46
10.0.0.1 -> 192.168.1.5
ICMP TTL:64 TOS:0xC0 ID:5121 IpLen:20 DgmLen:56
Type:3  Code:3  DESTINATION UNREACHABLE: PORT UNREACHABLE
** ORIGINAL DATAGRAM DUMP:
192.168.1.5:1027 -> 10.0.0.1:161
UDP TTL:128 TOS:0x0 ID:64 IpLen:20 DgmLen:71
Len: 43
** END OF DUMP`

	full6 = `[**] [1:3:4] six [**]
[Priority: 0] 
08/28-12:15:34.123456 2001:db8::1:1024 -> 2001:db8::2:53
UDP TTL:64 TOS:0x0 ID:0 IpLen:40 DgmLen:60`
)

// noon is when all those came.
var noon = time.Date(2023, time.August, 28, 12, 15, 34, 123456000, time.UTC)

func TestSnort(t *testing.T) {
	f := &filters.Snort{Now: midsummer}
	for _, c := range []struct {
		name, raw string
		want      filters.SnortAlert
	}{
		{"fast", fastTCP, filters.SnortAlert{GID: 1, SID: 2019401, Rev: 3, Message: "ET POLICY Vulnerable Java Version", Classification: "Potentially Bad Traffic", Priority: 2,
			Time: noon, Protocol: "TCP", Src: "192.168.1.5", SrcPort: 49152, Dst: "10.0.0.1", DstPort: 80}},
		{"fast, with a year and without ports", fastICMP, filters.SnortAlert{GID: 1, SID: 469, Rev: 3, Message: "ICMP PING NMAP", Classification: "Attempted Information Leak", Priority: 2,
			Time: noon, Protocol: "ICMP", Src: "192.168.1.5", Dst: "10.0.0.1"}},
		{"fast, IPv6 without ports", fast6, filters.SnortAlert{GID: 1, SID: 1000001, Rev: 1, Message: "quoted: [x]",
			Time: noon, Protocol: "IPV6-ICMP", Src: "fe80::1", Dst: "ff02::16"}},
		{"fast, IPv6 with ports", fast6TCP, filters.SnortAlert{GID: 1, SID: 1, Rev: 1, Message: "x", Priority: 3,
			Time: noon, Protocol: "TCP", Src: "2001:db8::1", SrcPort: 1024, Dst: "2001:db8::2", DstPort: 443}},
		{"fast, without a class", fastBare, filters.SnortAlert{GID: 116, SID: 150, Rev: 1, Message: "(snort_decoder) Bad Traffic Loopback IP", Priority: 3,
			Time: noon, Protocol: "UDP", Src: "127.0.0.1", SrcPort: 53, Dst: "127.0.0.1", DstPort: 5353}},
		{"full", fullTCP, filters.SnortAlert{GID: 1, SID: 1256, Rev: 8, Message: "WEB-IIS CodeRed v2 root.exe access", Classification: "Web Application Attack", Priority: 1,
			Time: noon, Protocol: "TCP", Src: "192.168.1.5", SrcPort: 3128, Dst: "10.0.0.1", DstPort: 80,
			References: []string{"http://www.cert.org/advisories/CA-2001-19.html", "http://cve.mitre.org/cgi-bin/cvename.cgi?name=2001-0500"}}},
		{"full, with the link layer and a dump", fullLink, filters.SnortAlert{GID: 1, SID: 402, Rev: 7, Message: "ICMP Destination Unreachable Port Unreachable", Classification: "Misc activity", Priority: 3,
			Time: noon, Protocol: "ICMP", Src: "10.0.0.1", Dst: "192.168.1.5"}},
		{"full, IPv6 with ports", full6, filters.SnortAlert{GID: 1, SID: 3, Rev: 4, Message: "six",
			Time: noon, Protocol: "UDP", Src: "2001:db8::1", SrcPort: 1024, Dst: "2001:db8::2", DstPort: 53}},
	} {
		c.want.Raw = c.raw
		text := put(t, f, &c.want)
		filtertest.Run(t, f, []filtertest.Case{
			{Name: c.name, Stream: text + "\n" + text, Items: []any{&c.want, &c.want}},
			{Name: c.name + ", CR LF", Stream: strings.ReplaceAll(text, "\n", "\r\n"), Items: []any{&c.want}},
		})
	}
}

func TestSnortEndsAlerts(t *testing.T) {
	short := func(n string) string { return "[**] [1:" + n + ":1] x [**]\n[Priority: 1]\n" }
	alert := func(sid int, raw string) any {
		return &filters.SnortAlert{GID: 1, SID: sid, Rev: 1, Message: "x", Priority: 1, Raw: raw}
	}
	one := alert(1, "[**] [1:1:1] x [**]\n[Priority: 1]")
	two := alert(2, "[**] [1:2:1] x [**]\n[Priority: 1]")
	f := &filters.Snort{Limits: filters.Limits{MaxLength: 60}}
	filtertest.Run(t, f, []filtertest.Case{
		{Name: "at an empty line", Stream: short("1") + "\n\n" + short("2") + "\r\n", Items: []any{one, two}},
		{Name: "where the next begins", Stream: short("1") + short("2") + "\n", Items: []any{one, two}},
		{Name: "not before", Stream: short("1") + "\n" + short("2"), Items: []any{one}, Rest: short("2"), EOF: []any{two}},
		{Name: "half a line of it", Stream: short("1") + "TCP", Rest: short("1") + "TCP", EOF: []any{alert(1, "[**] [1:1:1] x [**]\n[Priority: 1]\nTCP")}},
		{Name: "an alert beyond the maximum, then a good one", Stream: short("1") + strings.Repeat("a line\n", 10) + "\n" + short("2") + "\n", Items: []any{overLength, two}},
		{Name: "one beyond the maximum without an empty line", Stream: short("1") + strings.Repeat("a line\n", 10) + short("2") + "\n", Items: []any{overLength, two}},
		{Name: "a line beyond the maximum", Stream: strings.Repeat("x", 100) + "\n" + short("2") + "\n", Items: []any{overLength, two}},
		{Name: "lines that are no alerts", Stream: "hello\n[**] no alert\n\n" + short("1") + "\n", Items: []any{bad, bad, one}},
		{Name: "ids that are none", Stream: "[**] [1:x:1] m [**]\n\n[**] [1:2] m [**]\n\n[**] [1:1:99999999999] m [**]\n\n", Items: []any{bad, bad, bad}},
	})
	for _, end := range []string{"", "\n", "\r\n"} {
		f := f.Clone().(*filters.Snort)
		if err := f.Feed([]byte(strings.TrimSuffix(short("1")+"\n"+short("2"), "\n") + end)); err != nil {
			t.Fatal(err)
		}
		items, err := f.EOF()
		if err != nil || !reflect.DeepEqual(items, []any{one, two}) || f.Pending() != nil {
			t.Errorf("at the end of input: got %v, %v, pending %q", items, err, f.Pending())
		}
	}
}

func TestSnortComposesNoAlerts(t *testing.T) {
	refuses(t, &filters.Snort{}, &filters.SnortAlert{GID: 1})
	refuses(t, &filters.Snort{}, fastTCP)
}

func FuzzSnort(f *testing.F) {
	for _, s := range []string{fastTCP, fastICMP, fast6, fullTCP, fullLink} {
		f.Add(s + "\n\n" + s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		filtertest.Case{Filter: &filters.Snort{Limits: filters.Limits{MaxLength: 300}, Now: midsummer}, Stream: stream}.Invariant(t)
	})
}

//go:build linux

package faults

import (
	"io"
	"net"
	"testing"
	"time"
)

// echoed says whether what is sent through the link comes back in time.
func echoed(t *testing.T, l *link, within time.Duration) bool {
	t.Helper()
	c, err := net.DialTimeout("tcp", l.address, within)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return false
	}
	got := make([]byte, 5)
	_, err = io.ReadFull(c, got)
	return err == nil && string(got) == "hello"
}

func TestALinkAilsAndHeals(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	for ailment := range ailments {
		l, err := newLink(ailment, listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer l.close()
		if !echoed(t, l, 10*time.Second) {
			t.Fatalf("%s: the link does not carry at first", ailment)
		}
		if err := l.ail(ailment); err != nil {
			t.Fatalf("%s: %v", ailment, err)
		}
		switch ailment {
		case "latency": // at least 50 ms each way
			begun := time.Now()
			if !echoed(t, l, 10*time.Second) || time.Since(begun) < 100*time.Millisecond {
				t.Errorf("%s: carried in %s", ailment, time.Since(begun))
			}
		case "bandwidth":
			if !echoed(t, l, 10*time.Second) {
				t.Errorf("%s: does not carry five bytes", ailment)
			}
		default:
			if echoed(t, l, 300*time.Millisecond) {
				t.Errorf("%s: carries all the same", ailment)
			}
		}
		if err := l.heal(); err != nil {
			t.Fatalf("%s: heal: %v", ailment, err)
		}
		if !echoed(t, l, 10*time.Second) {
			t.Errorf("%s: does not carry when it is healed", ailment)
		}
	}
	if err := (&link{name: "x"}).ail("hiccups"); err == nil {
		t.Error("an ailment that there is not was taken")
	}
}

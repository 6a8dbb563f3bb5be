//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is a network connection of the deployment from one part to another, through toxiproxy.
type link struct {
	name, address, target string

	mu    sync.Mutex
	proxy *toxiproxy.Proxy
}

// hub is what toxiproxy's proxies report to. Some of its toxics write to the log of the whole process, which says nothing.
var hub = silent()

func silent() *toxiproxy.ApiServer {
	zerolog.SetGlobalLevel(zerolog.Disabled)
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
}

// toxic is one way in which a link is bad; the attributes are toxiproxy's.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

// ailments are what can be wrong with a link, as toxics for both directions. A link that is cut has no proxy at all.
var ailments = map[string][]toxic{
	"latency":   both("latency", map[string]int{"latency": 150, "jitter": 100}),
	"bandwidth": both("bandwidth", map[string]int{"rate": 20}), // KB a second
	"reset":     both("reset_peer", map[string]int{"timeout": 0}),
	// Nothing arrives any more, and nobody is told: what a firewall does that has forgotten a connection.
	"half_open": {{"timeout", "downstream", map[string]int{"timeout": 0}}},
	"cut":       nil,
}

func both(kind string, attributes map[string]int) []toxic {
	return []toxic{{kind, "upstream", attributes}, {kind, "downstream", attributes}}
}

func newLink(name, target string) (*link, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	l := &link{name: name, target: target, address: at(ports[0])}
	return l, l.fresh(nil)
}

// fresh begins a proxy anew on the link's address.
func (l *link) fresh(toxics []toxic) error {
	p := toxiproxy.NewProxy(hub, l.name, l.address, l.target)
	if err := add(p, toxics); err != nil {
		return err
	}
	if err := p.Start(); err != nil {
		return fmt.Errorf("link %s: %w", l.name, err)
	}
	l.proxy = p
	return nil
}

func add(p *toxiproxy.Proxy, toxics []toxic) error {
	for _, t := range toxics {
		raw, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(string(raw))); err != nil {
			return fmt.Errorf("toxic %s: %w", t.Type, err)
		}
	}
	return nil
}

// ail makes the link bad, those connections too that stand.
func (l *link) ail(ailment string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	toxics, known := ailments[ailment]
	if !known {
		return fmt.Errorf("link %s: there is no ailment %q", l.name, ailment)
	}
	if ailment == "cut" {
		return l.replace(nil, false)
	}
	if err := within(patience, func() error { return add(l.proxy, toxics) }); err != errSlow {
		return err
	}
	return l.replace(toxics, true)
}

// heal makes the link good again.
func (l *link) heal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.proxy == nil {
		return l.fresh(nil)
	}
	err := within(patience, func() error {
		l.proxy.Toxics.ResetToxics(context.Background())
		return nil
	})
	if err != errSlow {
		return err
	}
	return l.replace(nil, true)
}

// patience is for toxiproxy to change a link that carries connections: it waits for each of them, and for good when
// one end was killed or is frozen with its buffers full.
const patience = 3 * time.Second

var errSlow = errors.New("not done in time")

func within(limit time.Duration, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return errSlow
	}
}

// replace ends the proxy with all its connections, and begins a new one when the link is to be up. A proxy that hangs is
// left to itself: it has let go of the address before it waits for its connections.
func (l *link) replace(toxics []toxic, up bool) error {
	if l.proxy != nil {
		if err := within(patience, func() error { l.proxy.Stop(); return nil }); err != nil && err != errSlow {
			return err
		}
		l.proxy = nil
	}
	if !up {
		return nil
	}
	return l.fresh(toxics)
}

func (l *link) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.replace(nil, false)
}

// Ports of the deployment lie below those that Linux gives to outgoing connections: one of a process that is dead for a
// second, or of a link that is cut, would be taken by somebody's connection.
const (
	firstPort = 10_000
	lastPort  = 32_000
)

// given are the ports that were given away; who has one may not listen on it yet.
var given sync.Map

// freePorts gives ports that nobody listens on, all different.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := net.Listen("tcp", at(port))
		if err != nil {
			continue // it is somebody's
		}
		l.Close()
		if _, before := given.LoadOrStore(port, true); before {
			continue
		}
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no port is free")
}

// at is the address of a port of ours.
func at(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

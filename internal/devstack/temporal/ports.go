package temporal

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.temporal.io/server/common/primitives"
)

const loopback = "127.0.0.1"

func local(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// ports are where the services listen. Only the frontend's is known outside, and kept from start to start.
type ports struct{ frontend, history, matching, worker int }

func (p ports) all() map[primitives.ServiceName]int {
	return map[primitives.ServiceName]int{
		primitives.FrontendService: p.frontend,
		primitives.HistoryService:  p.history,
		primitives.MatchingService: p.matching,
		primitives.WorkerService:   p.worker,
	}
}

func portFile(dir string) string { return filepath.Join(dir, "port") }

// choosePorts binds all four before it lets go of any, so that they differ.
func choosePorts(dir string, asked int) (ports, error) {
	var p ports
	frontend, err := listenFrontend(dir, asked)
	if err != nil {
		return p, err
	}
	defer frontend.Close()
	p.frontend = portOf(frontend)
	for _, port := range []*int{&p.history, &p.matching, &p.worker} {
		l, err := net.Listen("tcp", local(0))
		if err != nil {
			return p, err
		}
		defer l.Close()
		*port = portOf(l)
	}
	return p, nil
}

// listenFrontend takes the port asked for, else the last one when it is free, else any. The server itself would end the
// whole process over a port that is taken.
func listenFrontend(dir string, asked int) (net.Listener, error) {
	if asked != 0 {
		return net.Listen("tcp", local(asked))
	}
	text, err := os.ReadFile(portFile(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if last, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		if l, err := net.Listen("tcp", local(last)); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp", local(0))
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func (p ports) keep(dir string) error {
	return os.WriteFile(portFile(dir), []byte(strconv.Itoa(p.frontend)+"\n"), 0o600)
}

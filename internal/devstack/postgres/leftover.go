//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settleLeftover ends the server that a killed process of ours left behind on this data folder. The folder is locked
// for us, so nobody else is using that server: it is shutting down or an orphan, and a fast shutdown is right for both.
func (c *cluster) settleLeftover(ctx context.Context) error {
	pidFile := filepath.Join(c.data(), "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 || !alive(pid) {
		return nil // PostgreSQL clears a file whose process is gone
	}
	if !servesFolder(pid, c.data()) {
		// The number was given to another program: PostgreSQL would refuse to start because of it.
		return os.Remove(pidFile)
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the server left on %s, process %d: %w", c.data(), pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for alive(pid) && servesFolder(pid, c.data()) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server left on %s, process %d, does not end: %w", c.data(), pid, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

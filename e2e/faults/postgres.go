//go:build linux

package faults

import (
	"context"
	"syscall"

	"throughline/internal/devstack/postgres"
)

// cluster is a running PostgreSQL as a body.
type cluster struct{ *postgres.Server }

func (c cluster) pid() int               { return c.PID() }
func (c cluster) ended() <-chan struct{} { return c.Exited() }
func (c cluster) ask() error             { return tell(c.PID(), syscall.SIGINT) }
func (c cluster) bury() error            { return c.Stop() }

// postgresSettings are what a deployment sets, and room for every pool at once. What a killed process has written the
// kernel keeps, so nothing here waits for a disk.
func postgresSettings() map[string]string {
	return map[string]string{"max_connections": "300", "fsync": "off", "max_wal_size": "128MB", "shared_buffers": "64MB"}
}

// startPostgres starts PostgreSQL on a folder and a port, where it may have been killed before.
func startPostgres(ctx context.Context, dir string, port int) (*postgres.Server, error) {
	return postgres.Start(ctx, postgres.Options{Dir: dir, Port: port, Extra: postgresSettings()})
}

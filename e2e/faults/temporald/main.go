//go:build unix

// Command temporald is a Temporal server as a process of its own, so that a fault test can kill it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"throughline/internal/devstack/temporal"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "folder of its log and port")
	url := flag.String("postgres-url-file", "", "file with the URL of the PostgreSQL that holds its databases")
	port := flag.Int("port", 0, "where its frontend listens")
	flag.Parse()
	text, err := os.ReadFile(*url)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := temporal.Start(ctx, temporal.Options{Dir: *dir, PostgresURL: strings.TrimSpace(string(text)), Port: *port})
	if err != nil {
		return err
	}
	fmt.Println("ready", server.HostPort)
	<-ctx.Done()
	return server.Stop()
}

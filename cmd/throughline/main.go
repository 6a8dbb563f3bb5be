// Command throughline is the production binary.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// command is one of the binary's verbs.
type command struct {
	name, use, short string
	run              func(context.Context, *env, []string) error
}

var commands = []command{
	{"serve", "serve", "answer HTTP, and tell Temporal and the mail provider what the record promised", serve},
	{"worker", "worker", "carry out the steps of referrals as they come due", work},
	{"migrate", "migrate", "bring the database to this binary's schema", migrate},
	{"import", "import --source NAME [--dry-run] [--confirm] [--staff-names] [--json] PATH", "import an HSDS package into the directory", importDirectory},
	{"check", "check [--json]", "check the invariants; exit 0 clean, 1 violations, 2 could not check", check},
	{"audit", "audit verify|key …", "verify that the audit is as it was written; exit 0 as it was, 1 not, 2 could not look", audit},
	{"hold", "hold [--until TIME] [--dry-run] [--json]", "after a restore, before anything starts: keep back letters that may have gone out since, and list them", hold},
	{"erase", "erase --list|--again FILE", "list what was erased, to keep apart from backups; or erase it again after a restore", erase},
	{"retention", "retention --dry-run [--json]", "say what the retention schedule would do now, and do nothing", retention},
	{"user", "user add|list|password|close …", "manage the helpline's accounts", user},
	{"apikey", "apikey add|list|revoke …", "manage API keys", apikey},
	{"policy", "policy show|set …", "show or set the policy of reminders", policy},
	{"keys", "keys show|add|rotate|seal", "show the keys that seal the record, change them while everything runs, or seal what stands open", keysCommand},
	{"history", "history REFERRAL", "print the workflow history of a referral as JSON", history},
}

// env is what a command may touch of the world.
type env struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger
}

// exitError ends the process with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// usageError is a command that can't be understood.
func usageError(format string, args ...any) error {
	return exitError{2, fmt.Errorf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{getenv: os.Getenv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	os.Exit(run(ctx, e, os.Args[1:]))
}

// run finds the command and gives the exit code.
func run(ctx context.Context, e *env, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(e.stdout)
		return 0
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, e, args[1:])
		if err == nil || errors.Is(err, flag.ErrHelp) {
			return 0
		}
		fmt.Fprintf(e.stderr, "throughline %s: %v\n", c.name, err)
		var exit exitError
		if errors.As(err, &exit) {
			return exit.code
		}
		return 1
	}
	fmt.Fprintf(e.stderr, "throughline: there is no command %q\n", args[0])
	usage(e.stderr)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: throughline COMMAND\n\nSettings come from the environment; the README lists them.")
	for _, c := range commands {
		fmt.Fprintf(w, "\n  %s\n      %s\n", c.use, c.short)
	}
}

// flags makes a flag set that reports a mistake with exit code 2.
func flags(e *env, name string) *flag.FlagSet {
	f := flag.NewFlagSet("throughline "+name, flag.ContinueOnError)
	f.SetOutput(e.stderr)
	return f
}

func parse(f *flag.FlagSet, args []string) error {
	err := f.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return exitError{2, err}
	}
	return err
}

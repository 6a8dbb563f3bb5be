// Command throughline-dev is Throughline with everything it needs inside: a private Postgres, a Temporal server, a
// mailbox page instead of real mail, and a demonstration to click through.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"throughline/internal/config"
	"throughline/referral"
)

// settings are the flags. Others build on them: they do not change.
type settings struct {
	data, addr, seed, policy, mail, secondFactor string
	policyGiven                                  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	args, out := os.Args[1:], os.Stdout
	var err error
	switch {
	case len(args) > 0 && args[0] == "bench":
		err = bench(ctx, out, args[1:])
	case len(args) > 0 && args[0] == "bench-check":
		err = benchCheck(ctx, out, args[1:])
	default:
		err = start(ctx, out, args, stop)
	}
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "throughline-dev:", err)
	os.Exit(1)
}

func start(ctx context.Context, out io.Writer, args []string, again func()) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	// After the first Ctrl-C a second one ends the process at once.
	context.AfterFunc(ctx, again)
	return run(ctx, out, s)
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("throughline-dev", flag.ContinueOnError)
	f.StringVar(&s.data, "data", "./data", "folder that keeps everything")
	f.StringVar(&s.addr, "addr", "127.0.0.1:8211", "address to answer HTTP on; loopback only")
	f.StringVar(&s.seed, "seed", "demo", "demo: a fictional directory and a few cases, at the first start; none")
	f.StringVar(&s.policy, "policy", "standard", "standard, or demo: business days become seconds")
	f.StringVar(&s.mail, "mail", "mailbox", "mailbox: a page that shows what was sent; smtp (SMTP_URL); sendgrid (SENDGRID_API_KEY)")
	f.StringVar(&s.secondFactor, "second-factor", "none", "who must have a second factor: none, all, or roles with commas between them")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	f.Visit(func(g *flag.Flag) { s.policyGiven = s.policyGiven || g.Name == "policy" })
	return s, s.check(f.NArg())
}

func (s settings) check(extra int) error {
	var errs []error
	if extra > 0 {
		errs = append(errs, errors.New("takes flags only; see --help"))
	}
	host, _, err := net.SplitHostPort(s.addr)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		errs = append(errs, errors.New("--addr must be a loopback address and a port, such as 127.0.0.1:8211: the mailbox shows every link"))
	}
	if s.seed != "demo" && s.seed != "none" {
		errs = append(errs, errors.New("--seed must be demo or none"))
	}
	if _, ok := referral.Named(s.policy); !ok {
		errs = append(errs, errors.New("--policy must be standard or demo"))
	}
	if s.mail != "mailbox" && s.mail != "smtp" && s.mail != "sendgrid" {
		errs = append(errs, errors.New("--mail must be mailbox, smtp or sendgrid"))
	}
	if _, ok := config.SecondFactorFor(s.secondFactor); !ok {
		errs = append(errs, errors.New("--second-factor must be none, all, or roles with commas between them"))
	}
	return errors.Join(errs...)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"throughline/cmd/internal/app"
	"throughline/internal/config"
	"throughline/internal/devstack"
	"throughline/internal/devstack/logfile"
	"throughline/internal/notary"
	"throughline/mail"
	"throughline/mail/mailbox"
	"throughline/server"
)

// maxConnections of the app, beside Temporal's on the same server of 200.
const maxConnections = 40

// run starts every part in order, says so, and stops them in the other order when the context ends.
func run(ctx context.Context, out io.Writer, s settings) (err error) {
	say := func(part, detail string) { fmt.Fprintf(out, "%-9s %s\n", part, detail) }
	// The address first: a port that is taken should not cost a start of everything else.
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: stop what runs there, or choose another with --addr: %w", s.addr, err)
	}
	defer l.Close()
	base := "http://" + l.Addr().String()
	provider, sender, err := realMail(s)
	if err != nil {
		return err
	}
	stack, err := devstack.Start(ctx, devstack.Options{Dir: s.data, Progress: say})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()); say("stopped", "everything is kept in "+s.data) }()
	log, closeLog, err := logFile(s.data)
	if err != nil {
		return err
	}
	defer closeLog()
	var letters *mailbox.Mailbox
	if sender == nil {
		if letters, err = mailbox.Open(filepath.Join(s.data, "mailbox")); err != nil {
			return err
		}
		sender = letters
	}
	keys, err := keysOf(s.data)
	if err != nil {
		return err
	}
	if err := migrate(ctx, s.data, stack.DatabaseURL, keys); err != nil {
		return err
	}
	say("database", "at this version's schema")
	key, err := auditKey(s.data)
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{DatabaseURL: stack.AppURL, MaxConnections: maxConnections,
		AuditKey: key, AuditTarget: notary.File(filepath.Join(s.data, "audit-heads.jsonl")), Keys: keys,
		Temporal: config.Temporal{Address: stack.TemporalAddress, Namespace: stack.Namespace}, Sender: sender, BaseURL: base, Log: log, Process: "dev",
		MailReports: provider.Reports(),
		From:        mail.Address{Name: "Kawartha 211", Email: "referrals@throughline.example"}})
	if err != nil {
		return err
	}
	defer func() { say("app", "stopping"); err = errors.Join(err, a.Stop()) }()
	c, err := prepare(ctx, a.Desk, s, stack, base, say)
	if err != nil {
		return err
	}
	if err := a.Work(ctx); err != nil {
		return err
	}
	say("worker", "ready")
	a.Dispatch()
	if err := a.Watch(ctx); err != nil {
		return err
	}
	say("mail", sender.Name())
	// None unless asked for, and the pages say so: a demonstration is clicked through without a telephone.
	a.Desk.SecondFactorFor, _ = config.SecondFactorFor(s.secondFactor)
	cfg := server.Config{BaseURL: base, Dev: true, HelplineName: helplineName, SendGridKeys: provider.WebhookKeys}
	if letters != nil {
		cfg.Mailbox = &box{letters}
	}
	if err := a.Serve(l, cfg); err != nil {
		return err
	}
	welcome(out, s, base, c, letters != nil)
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.Failed():
		return err
	case <-stack.PostgresExited():
		return fmt.Errorf("postgres has stopped, %s may say why: start again with the same command to go on where this left off",
			filepath.Join(s.data, "postgres", "postgres.log"))
	}
}

// logFile keeps the log out of the terminal, where it would bury what the person needs to see.
func logFile(dir string) (*slog.Logger, func() error, error) {
	path := filepath.Join(dir, "throughline.log")
	if err := logfile.Turn(path); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewJSONHandler(f, nil)), f.Close, nil
}

// realMail gives the real mail provider that --mail names, no sender for the mailbox. It reads what the flags can't hold: a
// key in a flag would be in every process list.
func realMail(s settings) (m config.Mail, _ mail.Sender, err error) {
	if s.mail == "mailbox" {
		return m, nil, nil
	}
	m = config.Mail{Provider: s.mail, SendGridKey: os.Getenv("SENDGRID_API_KEY"),
		SendGridBaseURL: os.Getenv("SENDGRID_BASE_URL"), SMTPURL: os.Getenv("SMTP_URL")}
	switch {
	case s.mail == "sendgrid" && m.SendGridKey == "":
		return m, nil, errors.New("--mail sendgrid wants SENDGRID_API_KEY")
	case s.mail == "smtp" && m.SMTPURL == "":
		return m, nil, errors.New("--mail smtp wants SMTP_URL")
	}
	if m.WebhookKeys, err = config.WebhookKeys(os.Getenv); err != nil {
		return m, nil, err
	}
	sender, err := app.Sender(m)
	return m, sender, err
}

func welcome(out io.Writer, s settings, base string, c credentials, box bool) {
	fmt.Fprintf(out, "\nSign in at %s/sign-in\n", base)
	for _, role := range []string{"navigator", "coordinator", "supervisor", "admin"} {
		fmt.Fprintf(out, "  %-12s %s   %s\n", role, c.Accounts[role].Email, c.Accounts[role].Password)
	}
	fmt.Fprintf(out, "\nThen, in this order:\n  new call      %s/cases/new\n", base)
	if box {
		fmt.Fprintf(out, "  the email     %s/mailbox\n", base)
	}
	fmt.Fprintf(out, "  my work       %s/work\n  the queue     %s/queue\n", base, base)
	if s.policy == "standard" {
		fmt.Fprintf(out, "\nTo watch silence, reminders and escalation in two minutes, start with --policy demo.\n")
	}
	fmt.Fprintf(out, "API keys and addresses are in %s. Ctrl-C stops.\n\n", filepath.Join(s.data, credentialsFile))
	fmt.Fprintf(out, "ready %s\n", base)
}

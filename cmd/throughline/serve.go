package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"throughline/cmd/internal/app"
	"throughline/internal/config"
	"throughline/internal/notary"
	"throughline/internal/signon"
	"throughline/mail"
	"throughline/referral"
	"throughline/server"
)

func serve(ctx context.Context, e *env, args []string) error {
	a, cfg, err := open(ctx, e, args, "serve", config.Need{Database: true, Temporal: true, Mail: true, HTTP: true, Keys: true})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", cfg.ListenAddr)
	if err != nil {
		return errors.Join(fmt.Errorf("LISTEN_ADDR: %w", err), a.Stop())
	}
	if err := a.ReachTemporal(ctx); err != nil {
		e.log.Warn("starting without Temporal: intake and answers are taken, and wait in the outbox", "cause", err.Error())
	}
	if len(cfg.TrustedProxies) == 0 && strings.HasPrefix(cfg.BaseURL, "https://") {
		e.log.Warn("TRUSTED_PROXIES is not set: everyone has the address of the proxy that ends TLS, and is not counted by it")
	}
	a.Dispatch()
	if err := a.Watch(ctx); err != nil {
		return errors.Join(err, l.Close(), a.Stop())
	}
	a.Desk.SecondFactorFor = cfg.SecondFactorFor
	for _, role := range referral.AccountRoles {
		if !slices.Contains(cfg.SecondFactorFor, role) {
			e.log.Warn("REQUIRE_SECOND_FACTOR leaves out a role: a password alone lets it in", "role", string(role))
		}
	}
	if err := a.Serve(l, server.Config{BaseURL: cfg.BaseURL, TrustedProxies: cfg.TrustedProxies, SendGridKeys: cfg.Mail.WebhookKeys,
		SignOn: signOn(cfg), TemporalUIOrigin: cfg.TemporalUIOrigin}); err != nil {
		return errors.Join(err, l.Close(), a.Stop())
	}
	e.log.Info("ready", "address", l.Addr().String())
	return untilStopped(ctx, e, a)
}

// signOn is the provider that people may sign in with; nil when none is set.
func signOn(cfg config.Config) *signon.Provider {
	if cfg.SignOn.Issuer == "" {
		return nil
	}
	c := signon.Config{Issuer: cfg.SignOn.Issuer, ClientID: cfg.SignOn.ClientID, ClientSecret: cfg.SignOn.ClientSecret,
		GroupsClaim: cfg.SignOn.GroupsClaim, ACR: cfg.SignOn.ACR, AMR: cfg.SignOn.AMR, RedirectURL: cfg.BaseURL + server.SignOnPath}
	for _, r := range cfg.SignOn.Roles {
		c.Roles = append(c.Roles, signon.RoleOfGroup{Group: r.Group, Role: string(r.Role)})
	}
	return signon.New(c)
}

func work(ctx context.Context, e *env, args []string) error {
	a, _, err := open(ctx, e, args, "worker", config.Need{Database: true, Temporal: true, Mail: true, Keys: true})
	if err != nil {
		return err
	}
	if err := a.Work(ctx); err != nil {
		return errors.Join(err, a.Stop())
	}
	a.Dispatch()
	e.log.Info("ready")
	return untilStopped(ctx, e, a)
}

// open reads the configuration and connects.
func open(ctx context.Context, e *env, args []string, name string, need config.Need) (*app.App, config.Config, error) {
	f := flags(e, name)
	if err := parse(f, args); err != nil {
		return nil, config.Config{}, err
	}
	if f.NArg() > 0 {
		return nil, config.Config{}, usageError("takes no arguments")
	}
	cfg, keys, err := e.settings(need)
	if err != nil {
		return nil, cfg, exitError{2, errors.Join(err, e.alsoWrong(ctx, keys))}
	}
	e.setLevel(cfg.LogLevel)
	var target notary.Target
	if cfg.Audit.Target != "" {
		if target, err = openTarget(cfg.Audit); err != nil {
			return nil, cfg, exitError{2, err}
		}
	}
	sender, err := app.Sender(cfg.Mail)
	if err != nil {
		return nil, cfg, exitError{2, fmt.Errorf("SMTP_URL: %w", err)}
	}
	a, err := app.Open(ctx, app.Options{DatabaseURL: cfg.DatabaseURL, Temporal: cfg.Temporal,
		Sender: sender, BaseURL: cfg.BaseURL, Log: e.log, Process: name, TracesTo: cfg.TracesTo, Keys: keys,
		AuditKey: cfg.Audit.Key, AuditTarget: target, Notice: notice(need), MailReports: cfg.Mail.Reports(), From: mail.Address{Name: cfg.Mail.FromName, Email: cfg.Mail.From}})
	if err != nil {
		return nil, cfg, err
	}
	return a, cfg, showMetrics(e, a, cfg.MetricsAddr)
}

// showMetrics answers about metrics and readiness on an address of their own, if one is set.
func showMetrics(e *env, a *app.App, address string) error {
	if address == "" {
		return nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(fmt.Errorf("METRICS_ADDR: %w", err), a.Stop())
	}
	a.ShowMetrics(l)
	e.log.Info("metrics", "address", l.Addr().String())
	return nil
}

// notice is for whoever sends requests here; a worker is sent none.
func notice(need config.Need) time.Duration {
	if need.HTTP {
		return 3 * time.Second
	}
	return 0
}

func untilStopped(ctx context.Context, e *env, a *app.App) error {
	var cause error
	select {
	case <-ctx.Done():
	case cause = <-a.Failed():
	}
	e.log.Info("stopping")
	return errors.Join(cause, a.Stop())
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/referral"
)

func user(ctx context.Context, e *env, args []string) error {
	if len(args) == 0 {
		return usageError("wants add, list, password or close")
	}
	d, err := e.desk(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	switch args[0] {
	case "add":
		return userAdd(ctx, e, d, args[1:])
	case "list":
		return userList(ctx, e, d, args[1:])
	case "password":
		if len(args) != 2 {
			return usageError("wants: user password EMAIL, and the password on standard input")
		}
		password, err := readSecret(e.stdin)
		if err != nil {
			return err
		}
		return d.SetPassword(ctx, args[1], password)
	case "close":
		if len(args) != 2 {
			return usageError("wants: user close EMAIL")
		}
		return d.CloseAccount(ctx, args[1])
	}
	return usageError("there is no user %s", args[0])
}

func userAdd(ctx context.Context, e *env, d *casework.Desk, args []string) error {
	f := flags(e, "user add")
	email := f.String("email", "", "address to sign in with")
	name := f.String("name", "", "name that colleagues see")
	role := f.String("role", string(referral.Navigator), "navigator, coordinator, supervisor, data_editor, partner, auditor or admin")
	lang := f.String("language", "en", "en or fr")
	org := f.String("organisation", "", "the helpline; a new name makes a new helpline")
	phone := f.String("phone", "", "the helpline's telephone number, for a new helpline")
	zone := f.String("time-zone", "America/Toronto", "the helpline's IANA time zone, for a new helpline")
	if err := parse(f, args); err != nil {
		return err
	}
	password, err := readSecret(e.stdin)
	if err != nil {
		return err
	}
	o, err := organisation(ctx, d, *org)
	if usage := (exitError{}); errors.As(err, &usage) && *org != "" {
		o.Name = *org
		o.ID, err = d.AddOrganisation(ctx, *org, *phone, *zone)
	}
	if err != nil {
		return err
	}
	a, err := d.AddAccount(ctx, o.ID, *email, *name, referral.Role(*role), *lang, password)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, a.ID)
	return nil
}

func userList(ctx context.Context, e *env, d *casework.Desk, args []string) error {
	f := flags(e, "user list")
	org := f.String("organisation", "", "the helpline")
	if err := parse(f, args); err != nil {
		return err
	}
	o, err := organisation(ctx, d, *org)
	if err != nil {
		return err
	}
	list, err := d.AllAccounts(ctx, o.ID)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	for _, a := range list {
		state := "active"
		if !a.Active {
			state = "closed"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a.ID, a.Role, state, a.Email, a.Name)
	}
	return w.Flush()
}

func apikey(ctx context.Context, e *env, args []string) error {
	if len(args) == 0 {
		return usageError("wants add, list or revoke")
	}
	d, err := e.desk(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	f := flags(e, "apikey "+args[0])
	email := f.String("email", "", "account that the key acts for")
	name := f.String("name", "", "what the key is for")
	org := f.String("organisation", "", "the helpline")
	scopes := f.String("scopes", "read,write,directory", "what the key is for, of read, write and directory")
	days := f.Int("days", casework.KeyDays, "how long the key is good for, at most 730")
	if err := parse(f, args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "add":
		in := casework.KeyInput{Email: *email, Name: *name, Days: *days}
		for _, scope := range strings.Split(*scopes, ",") {
			in.Scopes = append(in.Scopes, casework.Scope(strings.TrimSpace(scope)))
		}
		id, key, err := d.AddKeyFor(ctx, in)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.stdout, "%s\t%s\n", id, key)
		return nil
	case "list":
		return keyList(ctx, e, d, *org)
	case "revoke":
		id, err := uuid.Parse(f.Arg(0))
		if err != nil {
			return usageError("wants: apikey revoke ID")
		}
		return d.RevokeKey(ctx, id)
	}
	return usageError("there is no apikey %s", args[0])
}

func keyList(ctx context.Context, e *env, d *casework.Desk, org string) error {
	o, err := organisation(ctx, d, org)
	if err != nil {
		return err
	}
	list, err := d.Keys(ctx, o.ID)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
	for _, k := range list {
		state, used := "active", "never used"
		if !k.ExpiresAt.After(d.Clock.Now()) {
			state = "expired"
		}
		if k.RevokedAt != nil {
			state = "revoked"
		}
		if k.LastUsedAt != nil {
			used = k.LastUsedAt.Format("2006-01-02 15:04Z07:00")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\tuntil %s\t%s\t%s\n", k.ID, state, used, k.ExpiresAt.Format("2006-01-02"), strings.Join(k.Scopes, ","), k.Name)
	}
	return w.Flush()
}

// readSecret reads a password from the first line of standard input, so that it is in no process list and no history.
func readSecret(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usageError("wants the password on standard input")
	}
	return line, nil
}

package main

import (
	"context"
	"encoding/json"
	"io"
	"os"

	"throughline/referral"
)

func policy(ctx context.Context, e *env, args []string) error {
	if len(args) == 0 || (args[0] != "show" && args[0] != "set") {
		return usageError("wants: policy show, or policy set standard|demo|FILE|-")
	}
	f := flags(e, "policy "+args[0])
	org := f.String("organisation", "", "the helpline")
	if err := parse(f, args[1:]); err != nil {
		return err
	}
	d, err := e.desk(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	o, err := organisation(ctx, d, *org)
	if err != nil {
		return err
	}
	if args[0] == "show" {
		p, err := d.Policy(ctx, o.ID)
		if err != nil {
			return err
		}
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(p)
	}
	p, err := readPolicy(e, f.Arg(0))
	if err != nil {
		return exitError{2, err}
	}
	return d.SetPolicy(ctx, cli(o.ID), p)
}

// readPolicy takes a built-in policy by name, or one written as JSON in a file or on standard input.
func readPolicy(e *env, from string) (referral.Policy, error) {
	if p, ok := referral.Named(from); ok {
		return p, nil
	}
	var raw []byte
	var err error
	switch from {
	case "":
		return referral.Policy{}, usageError("wants: policy set standard|demo|FILE|-")
	case "-":
		raw, err = io.ReadAll(io.LimitReader(e.stdin, 1<<20))
	default:
		raw, err = os.ReadFile(from) // #nosec G703 -- whoever types the command names the file
	}
	if err != nil {
		return referral.Policy{}, err
	}
	return referral.ParsePolicy(raw)
}

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/internal/config"
	"throughline/internal/notary"
)

func audit(ctx context.Context, e *env, args []string) error {
	if len(args) == 0 {
		return usageError("wants verify or key")
	}
	switch args[0] {
	case "verify":
		return auditVerify(ctx, e, args[1:])
	case "key":
		return auditKey(e, args[1:])
	}
	return usageError("there is no audit %s", args[0])
}

// auditKey prints the public key, with which anyone can verify what was exported.
func auditKey(e *env, args []string) error {
	if err := parse(flags(e, "audit key"), args); err != nil {
		return err
	}
	cfg, err := config.Read(e.getenv, config.Need{Audit: true})
	if err != nil {
		return exitError{2, err}
	}
	if cfg.Audit.Key == nil {
		return usageError("AUDIT_SIGNING_KEY is not set")
	}
	fmt.Fprintln(e.stdout, notary.PublicText(cfg.Audit.Key.Public().(ed25519.PublicKey)))
	return nil
}

// auditVerify exits 0 when every entry is as it was written, 1 when one is not, 2 when it could not look at everything.
func auditVerify(ctx context.Context, e *env, args []string) error {
	f := flags(e, "audit verify")
	org := f.String("organisation", "", "the helpline; empty: all of them")
	against := f.String("against", "", "compare with what was exported: export, which is where AUDIT_EXPORT leads, or the path of such a file")
	keys := f.String("key", "", "public keys that may have signed the heads, with commas; empty: that of AUDIT_SIGNING_KEY")
	asJSON := f.Bool("json", false, "print what was found as JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	cfg, err := config.Read(e.getenv, config.Need{Database: true, Audit: true})
	if err != nil {
		return exitError{2, err}
	}
	heads, forged, err := exportedHeads(ctx, cfg.Audit, *against, *keys)
	if err != nil {
		return exitError{2, err}
	}
	d, err := e.desk(ctx)
	if err != nil {
		return exitError{2, err}
	}
	defer d.DB.Close()
	var only uuid.UUID
	if *org != "" {
		o, err := organisation(ctx, d, *org)
		if err != nil {
			return exitError{2, err}
		}
		only = o.ID
	}
	v, err := d.VerifyAudit(ctx, only, heads)
	if err != nil {
		return exitError{2, err}
	}
	v.Tamperings = append(v.Tamperings, forged...)
	return sayVerified(e, v, *asJSON)
}

func sayVerified(e *env, v casework.Verified, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(v); err != nil {
			return exitError{2, err}
		}
	} else {
		for _, t := range v.Tamperings {
			fmt.Fprintf(e.stdout, "organisation %s  seq %d  entry %d  %s\n", t.Organisation, t.Seq, t.Entry, t.What)
		}
		for _, r := range v.Retirements {
			fmt.Fprintf(e.stdout, "organisation %s  seq %d  entry %d  retention took away the entries up to %d, at %s, by way of %s\n", r.Organisation, r.Seq, r.Entry, r.UpTo,
				r.At.UTC().Format(time.RFC3339), r.Via)
		}
		fmt.Fprintf(e.stdout, "%d links verified, %d exported heads compared, %d entries wait to be linked, %d found that are not as they were written\n",
			v.Links, v.Heads, v.Waiting, len(v.Tamperings))
	}
	if len(v.Tamperings) > 0 {
		return exitError{1, fmt.Errorf("%d entries are not as they were written", len(v.Tamperings))}
	}
	return nil
}

// exportedHeads reads the heads to compare with. One that none of the keys signed is a finding, and compared with nothing.
func exportedHeads(ctx context.Context, cfg config.Audit, against, keys string) (heads []casework.ExportedHead, forged []casework.Tampering, err error) {
	if against == "" {
		return nil, nil, nil
	}
	trusted, err := trustedKeys(cfg, keys)
	if err != nil {
		return nil, nil, err
	}
	target, err := exportTarget(cfg, against)
	if err != nil {
		return nil, nil, err
	}
	lines, err := target.Lines(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the export: %w", err)
	}
	defer lines.Close()
	signed, err := notary.Read(lines)
	if err != nil {
		return nil, nil, fmt.Errorf("read the export: %w", err)
	}
	if len(signed) == 0 {
		return nil, nil, errors.New("the export holds no heads")
	}
	for _, s := range signed {
		hash, err := hex.DecodeString(s.Hash)
		if err != nil || !slices.ContainsFunc(trusted, s.By) {
			forged = append(forged, casework.Tampering{Organisation: s.Organisation, Seq: s.Seq, What: "an exported head that no given key signed"})
			continue
		}
		heads = append(heads, casework.ExportedHead{Organisation: s.Organisation, Seq: s.Seq, Hash: hash, At: s.At})
	}
	return heads, forged, nil
}

func trustedKeys(cfg config.Audit, keys string) (trusted []ed25519.PublicKey, err error) {
	for text := range strings.SplitSeq(keys, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := notary.ParsePublic(text)
		if err != nil {
			return nil, fmt.Errorf("--key %w", err)
		}
		trusted = append(trusted, key)
	}
	if len(trusted) == 0 && cfg.Key != nil {
		trusted = append(trusted, cfg.Key.Public().(ed25519.PublicKey))
	}
	if len(trusted) == 0 {
		return nil, errors.New("--against wants --key, or AUDIT_SIGNING_KEY")
	}
	return trusted, nil
}

// exportTarget is where the heads were written down.
func exportTarget(cfg config.Audit, against string) (notary.Target, error) {
	if against != "export" {
		path, err := filepath.Abs(against)
		return notary.File(path), err
	}
	if cfg.Target == "" {
		return nil, errors.New("AUDIT_EXPORT is not set")
	}
	return openTarget(cfg)
}

func openTarget(cfg config.Audit) (notary.Target, error) {
	target, err := notary.Open(notary.Settings{Target: cfg.Target, Endpoint: cfg.Endpoint, Region: cfg.Region, Access: cfg.Access, Secret: cfg.Secret})
	if err != nil {
		return nil, fmt.Errorf("AUDIT_EXPORT %w", err)
	}
	return target, nil
}

package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// refuses wants a command to end badly and to say why, in all of these words.
func refuses(t *testing.T, r ran, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d", r.code, code)
	}
	for _, w := range words {
		if !strings.Contains(r.errors, w) {
			t.Errorf("does not say %q:\n%s%s", w, r.out, r.errors)
		}
	}
	if strings.Contains(r.errors, "goroutine ") {
		t.Errorf("a crash is no answer:\n%s", r.errors)
	}
}

func TestBadFlagsAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	r := runs(t, bare(), "", "throughline-dev", "--data", fresh(t), "--addr", "0.0.0.0:80", "--seed", "real", "--policy", "lax",
		"--mail", "pigeon", "extra")
	refuses(t, r, 1, "--addr must be", "--seed must be", "--policy must be", "--mail must be", "takes flags only")
	refuses(t, runs(t, bare(), "", "throughline-dev", "--dta", "x"), 1, "-dta")
	for flag, variable := range map[string]string{"sendgrid": "SENDGRID_API_KEY", "smtp": "SMTP_URL"} {
		data := fresh(t)
		refuses(t, runs(t, bare(), "", "throughline-dev", "--data", data, "--addr", "127.0.0.1:0", "--mail", flag), 1, variable)
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("--mail %s without %s was noticed only after making %s", flag, variable, data)
		}
	}
	keys := append(bare(), "SENDGRID_API_KEY=SG.x", "SENDGRID_WEBHOOK_KEY=none")
	refuses(t, runs(t, keys, "", "throughline-dev", "--data", fresh(t), "--addr", "127.0.0.1:0", "--mail", "sendgrid"), 1, "SENDGRID_WEBHOOK_KEY")
	if r := runs(t, bare(), "", "throughline-dev", "--help"); r.code != 0 || !strings.Contains(r.errors, "-policy") {
		t.Errorf("--help: exit %d\n%s%s", r.code, r.out, r.errors)
	}
}

func TestOneInstanceOnOneFolder(t *testing.T) {
	t.Parallel()
	data := fresh(t)
	d := startDev(t, data, append([]string{"--seed", "none"}, anyPort...)...)
	second := runs(t, bare(), "", "throughline-dev", "--data", data, "--addr", "127.0.0.1:0")
	refuses(t, second, 1, "already runs on "+data, "process "+strconv.Itoa(d.command.Process.Pid))
	address := strings.TrimPrefix(d.BaseURL, "http://")
	refuses(t, runs(t, bare(), "", "throughline-dev", "--data", fresh(t), "--addr", address), 1, "cannot listen on "+address, "--addr")
	// The one that was there first is none the worse.
	if status := d.api("navigator").ask("GET", "/api/v1/queue", nil, nil); status != 200 {
		t.Errorf("the first instance answers %d", status)
	}
	d.stop()
	again := startDev(t, data, append([]string{"--seed", "none"}, anyPort...)...)
	for role, account := range d.Accounts {
		if again.Accounts[role] != account {
			t.Errorf("the account of the %s changed by starting again", role)
		}
	}
	if _, made := again.said.after("postgres  making a new"); made {
		t.Error("started anew on a folder that holds a record")
	}
}

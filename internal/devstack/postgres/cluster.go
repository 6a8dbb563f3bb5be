//go:build unix

package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// cluster is a data folder, the binaries that fit it and the account it belongs to.
type cluster struct {
	dir      string
	bin      string
	version  string
	password string
	account  *account
	logStart int64 // where this start's part of the log begins
}

func (c *cluster) data() string    { return filepath.Join(c.dir, "data") }
func (c *cluster) logPath() string { return filepath.Join(c.dir, "postgres.log") }

// openCluster checks the data folder, or makes it when there is none.
func openCluster(ctx context.Context, o Options) (*cluster, error) {
	c := &cluster{dir: o.Dir}
	major, err := dataVersion(c.data())
	if err != nil {
		return nil, err
	}
	if c.bin, c.version, err = chooseBinaries(ctx, o, major); err != nil {
		return nil, err
	}
	if c.account, err = accountFor(c.data()); err != nil {
		return nil, err
	}
	if err := c.account.canReach(c.dir); err != nil {
		return nil, err
	}
	if major != "" {
		c.password, err = readPassword(c.dir)
		return c, err
	}
	o.Progress("making a new PostgreSQL " + c.version + " data folder")
	if c.password, err = makePassword(c.dir, o.Password); err != nil {
		return nil, err
	}
	return c, c.initialize(o.Extra["fsync"] == "off")
}

// dataVersion is the major version that made the folder, "" when it is still to be made.
func dataVersion(data string) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("%s belongs to another account, likely from a start as root: start as root again, or "+
			"name another folder", data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	entries, err := os.ReadDir(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("%s holds files but no PG_VERSION: it is not a PostgreSQL data folder and was left alone", data)
	}
	return "", nil
}

// initialize makes the data folder under another name first: an initdb that was cut short never passes for data. The
// name is new each time, because an initdb whose parent was killed may still be writing to the last one; what of that
// does not go now goes at the next start that makes data, if there is one.
func (c *cluster) initialize(noSync bool) error {
	left, err := filepath.Glob(filepath.Join(c.dir, "data.new-*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		_ = os.RemoveAll(path)
	}
	making, err := os.MkdirTemp(c.dir, "data.new-")
	if err != nil {
		return err
	}
	secret := filepath.Join(c.dir, "initdb.password")
	if err := os.WriteFile(secret, []byte(c.password+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(secret)
	for _, path := range []string{making, secret} {
		if err := c.account.own(path); err != nil {
			return err
		}
	}
	args := []string{"-D", making, "-U", Superuser, "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8",
		"--locale", systemLocale(), "--data-checksums"}
	if noSync {
		args = append(args, "--no-sync")
	}
	if out, err := c.command("initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.Rename(making, c.data())
}

// systemLocale folds the case of É and is the same for everyone; macOS has no C.UTF-8.
func systemLocale() string {
	if runtime.GOOS == "darwin" {
		return "en_US.UTF-8"
	}
	return "C.UTF-8"
}

func makePassword(dir, password string) (string, error) {
	if password == "" {
		password = rand.Text()
	}
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the password: %w", err)
	}
	return password, nil
}

func readPassword(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return "", fmt.Errorf("the data folder exists but its password can't be read: %w", err)
	}
	password := strings.TrimSpace(string(text))
	if password == "" {
		return "", fmt.Errorf("the data folder exists but %s is empty: put the password that this data was made with back, "+
			"or name another data folder", filepath.Join(dir, "password"))
	}
	return password, nil
}

// choosePort takes the port asked for, else the last one when it is free, else any: bookmarks and shells outlive a restart.
func (c *cluster) choosePort(asked int) (int, error) {
	if asked != 0 {
		return asked, nil
	}
	if text, err := os.ReadFile(filepath.Join(c.dir, "port")); err == nil {
		if last, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && portFree(last) {
			return last, nil
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (c *cluster) keepPort(port int) error {
	return os.WriteFile(filepath.Join(c.dir, "port"), []byte(strconv.Itoa(port)+"\n"), 0o600)
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

const (
	portTaken   = "the port was taken"
	memoryInUse = "backends of the last server are still ending"
)

// reasonToRetry reads what this start wrote to the log; "" means that trying again would not help.
func (c *cluster) reasonToRetry(port int) string {
	text, err := os.ReadFile(c.logPath())
	if err != nil || int64(len(text)) < c.logStart {
		return ""
	}
	switch tail := text[c.logStart:]; {
	case bytes.Contains(tail, []byte("pre-existing shared memory block")):
		return memoryInUse
	case bytes.Contains(tail, []byte("could not create any TCP/IP sockets")) && !portFree(port):
		return portTaken
	}
	return ""
}

// settings are ours, then the caller's. Statements and row values stay out of the log: they hold personal data.
func settings(port int, extra map[string]string) []string {
	all := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": "",
		"max_connections":         strconv.Itoa(MaxConnections),
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_min_messages":        "log",
		"log_min_error_statement": "panic",
		"log_error_verbosity":     "terse",
	}
	for name, value := range extra {
		all[name] = value
	}
	var args []string
	for name, value := range all {
		args = append(args, name+"="+value)
	}
	slices.Sort(args)
	return args
}

// command runs a binary of this cluster as its account, with nothing of our environment: it may hold secrets.
func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...) // #nosec G204 -- our own cluster
	cmd.Env = []string{"PATH=" + c.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "LC_ALL=" + systemLocale(), "TZ=UTC"}
	// The working folder is entered before the account's right to pass closed folders takes effect.
	cmd.Dir = "/"
	cmd.SysProcAttr = c.account.attributes()
	return cmd
}

// launch starts the server and watches it from a thread of its own.
func (c *cluster) launch(port int, extra map[string]string) (*process, error) {
	log, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	at, err := log.Stat()
	if err != nil {
		return nil, err
	}
	c.logStart = at.Size()
	args := []string{"-D", c.data()}
	for _, setting := range settings(port, extra) {
		args = append(args, "-c", setting)
	}
	cmd := c.command("postgres", args...)
	cmd.Stdout, cmd.Stderr = log, log
	dieWithParent(cmd.SysProcAttr)

	p := &process{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, after the child.
		runtime.LockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, <-started
}

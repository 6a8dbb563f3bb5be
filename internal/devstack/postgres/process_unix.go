//go:build unix && !linux

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// attributes give the child its own process group: Ctrl-C reaches us alone, and we stop PostgreSQL last.
func (a *account) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: a.credential}
}

// dieWithParent does nothing where there is no death signal: the next start on the folder ends the orphan.
func dieWithParent(*syscall.SysProcAttr) {}

func canPassClosedFolders() bool { return false }

// servesFolder tells a postmaster of this data folder from a program that was given its number.
func servesFolder(pid int, data string) bool {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), data)
}

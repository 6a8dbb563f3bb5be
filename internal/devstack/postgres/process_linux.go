package postgres

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes give the child its own process group: Ctrl-C reaches us alone, and we stop PostgreSQL last.
func (a *account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Credential: a.credential}
	if a.throughClosedFolders {
		attr.AmbientCaps = []uintptr{folderCapability()}
	}
	return attr
}

// dieWithParent has the kernel ask for a fast shutdown when we are gone, kill -9 included.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// canPassClosedFolders is true when root can hand on the one right that a closed folder needs.
func canPassClosedFolders() bool { return folderCapability() != 0 }

// folderCapability is the narrowest right of ours that opens folders: reading anything, or, in a container that was
// not given it, what Docker leaves. 0 means none.
func folderCapability() uintptr {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return 0
	}
	for _, capability := range []uintptr{unix.CAP_DAC_READ_SEARCH, unix.CAP_DAC_OVERRIDE} {
		if sets[0].Permitted&(1<<capability) != 0 {
			return capability
		}
	}
	return 0
}

// servesFolder tells a postmaster of this data folder from a program that was given its number: its first act is to
// make the folder its working directory. A zombie serves nothing.
func servesFolder(pid int, data string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	name, err := os.ReadFile(filepath.Join(proc, "comm"))
	if err != nil || !strings.HasPrefix(string(name), "postgres") {
		return false
	}
	at, err := os.Readlink(filepath.Join(proc, "cwd"))
	if err != nil {
		return false
	}
	real, err := filepath.EvalSymlinks(data)
	return err == nil && at == real
}

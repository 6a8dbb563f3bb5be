//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is whom PostgreSQL runs as. PostgreSQL refuses root, so a start as root steps down to the owner of the data,
// else to postgres, else to nobody.
type account struct {
	name string
	// credential is nil when we are not root and the server simply runs as us.
	credential *syscall.Credential
	// throughClosedFolders lets the server pass parent folders that are closed to its account, as /root is.
	throughClosedFolders bool
}

// folderMode lets the account that root steps down to pass through.
func folderMode() fs.FileMode {
	if os.Geteuid() == 0 {
		return 0o711
	}
	return 0o700
}

func accountFor(data string) (*account, error) {
	if os.Geteuid() != 0 {
		return &account{}, nil
	}
	if info, err := os.Stat(data); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return &account{name: "owner of " + data, credential: credential(owner.Uid, owner.Gid)}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, err
		}
		return &account{name: name, credential: credential(uint32(uid), uint32(gid))}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: start as another user")
}

func credential(uid, gid uint32) *syscall.Credential {
	return &syscall.Credential{Uid: uid, Gid: gid, Groups: []uint32{}}
}

func (a *account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Chown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// canReach checks every folder down to dir, because PostgreSQL only says "permission denied" without naming which.
func (a *account) canReach(dir string) error {
	if a.credential == nil {
		return nil
	}
	closed, err := a.closedFolder(dir)
	if err != nil || closed == "" {
		return err
	}
	if canPassClosedFolders() {
		a.throughClosedFolders = true
		return nil
	}
	return fmt.Errorf("started as root, PostgreSQL runs as %s, who can't enter %s: name a data folder elsewhere, or chmod o+x %s",
		a.name, closed, closed)
}

// closedFolder is the topmost folder on the way to dir that the account can't pass, "" when the way is open.
func (a *account) closedFolder(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	closed := ""
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return "", err
		}
		if !a.mayPass(info) {
			closed = dir
		}
		if dir == filepath.Dir(dir) {
			return closed, nil
		}
	}
}

func (a *account) mayPass(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch {
	case owner.Uid == a.credential.Uid:
		return info.Mode()&0o100 != 0
	case owner.Gid == a.credential.Gid:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}

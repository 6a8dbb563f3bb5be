//go:build linux

package faults

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// disk is a small file system of its own, which can be filled.
type disk struct{ dir string }

// mountDisk mounts a small file system in memory on a folder. It takes root, and the right to mount.
func mountDisk(dir string, megabytes int) (*disk, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=711,size="+strconv.Itoa(megabytes)+"m", "tmpfs", dir).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("mount: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return &disk{dir}, nil
}

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill leaves no room at all.
func (d *disk) fill() error {
	file, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	block := make([]byte, 1<<20)
	for len(block) > 0 {
		n, err := file.Write(block)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			block = block[:(len(block)-n)/2] // what is left has room for less
		case err != nil:
			return err
		}
	}
	return nil
}

// empty makes room again.
func (d *disk) empty() error {
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unmount lets go of it, lazily: a process that ends late still has it open.
func (d *disk) unmount() error { return exec.Command("umount", "-l", d.dir).Run() }

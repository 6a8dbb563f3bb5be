//go:build unix

// Package lockfile keeps processes off each other's folders. The kernel drops a lock with the process that held it,
// so a kill -9 leaves nothing to clean up.
package lockfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lock is held until Release or the end of the process.
type Lock struct{ file *os.File }

// HeldError says that another process holds the lock exclusively.
type HeldError struct {
	Path string
	PID  int // 0 when the holder has not written it yet
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is held by another process", e.Path)
	}
	return fmt.Sprintf("%s is held by process %d", e.Path, e.PID)
}

// Take locks path for this process alone and writes its process id into the file. It does not wait: the error is a
// *HeldError when someone else holds it, exclusively or shared.
func Take(path string) (*Lock, error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := flock(file, syscall.LOCK_EX); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &HeldError{Path: path, PID: holder(file)}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := writePID(file); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return &Lock{file}, nil
}

// Wait is Take that tries until ctx is done.
func Wait(ctx context.Context, path string) (*Lock, error) {
	return retry(ctx, func() (*Lock, error) { return Take(path) })
}

// Share holds path together with others who share it, and keeps Take out. It waits until ctx is done.
func Share(ctx context.Context, path string) (*Lock, error) {
	return retry(ctx, func() (*Lock, error) {
		file, err := open(path)
		if err != nil {
			return nil, err
		}
		if err := flock(file, syscall.LOCK_SH); err != nil {
			defer file.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, &HeldError{Path: path, PID: holder(file)}
			}
			return nil, fmt.Errorf("share %s: %w", path, err)
		}
		return &Lock{file}, nil
	})
}

// Release gives the lock up. The file stays: removing it would let two processes lock two files of one name.
//
// It is unlocked before it is closed: a process that is being started just now holds our open files too, until it runs its
// own program.
func (l *Lock) Release() error { return errors.Join(flock(l.file, syscall.LOCK_UN), l.file.Close()) }

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

func retry(ctx context.Context, try func() (*Lock, error)) (*Lock, error) {
	for {
		lock, err := try()
		var held *HeldError
		if !errors.As(err, &held) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// flock never blocks: a blocked flock could not be told to stop.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

package directory

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"throughline/referral"
)

// What a package may hold. A zip that unpacks to far more than its size is refused, whatever its directory claims.
const (
	maxFileBytes  = 200 << 20
	maxTotalBytes = 2 << 30
	maxZipRatio   = 200
	maxEntries    = 2000
)

// packageFiles hands out the files of one HSDS package, counting what has been read.
type packageFiles struct {
	fsys  fs.FS
	read  int64
	ratio bool // hold entries to maxZipRatio
	close func() error
}

// openPackage opens a folder or a .zip. Links that lead out of the folder, and zip entries with an absolute path, "..",
// a backslash or the type of a link, are refused.
func openPackage(name string) (*packageFiles, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, referral.Invalid(path.Base(name), "can't be opened: %v", errors.Unwrap(err))
	}
	if info.IsDir() {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, fmt.Errorf("open folder: %w", err)
		}
		return &packageFiles{fsys: root.FS(), close: root.Close}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, referral.Invalid(path.Base(name), "is a pipe or a device: name a folder or a zip file")
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, referral.Invalid(path.Base(name), "is neither a folder nor a zip file: %v", err)
	}
	if err := soundZip(z.File); err != nil {
		return nil, errors.Join(err, z.Close())
	}
	return &packageFiles{fsys: z, ratio: true, close: z.Close}, nil
}

func soundZip(entries []*zip.File) error {
	if len(entries) > maxEntries {
		return referral.Invalid("zip", "holds more than %d entries", maxEntries)
	}
	for _, f := range entries {
		name := strings.TrimSuffix(f.Name, "/")
		switch {
		case !fs.ValidPath(name) || strings.ContainsAny(name, "\\:\x00"):
			return referral.Invalid("zip", "an entry's path leads out of the archive")
		case f.Mode()&(fs.ModeSymlink|fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0:
			return referral.Invalid(name, "is a link or a device, not a file")
		case f.Flags&1 != 0:
			return referral.Invalid(name, "is encrypted")
		}
	}
	return nil
}

// folder finds the one folder that holds services.csv: the top, or one below it such as data/.
func (p *packageFiles) folder() (string, error) {
	var found []string
	err := fs.WalkDir(p.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.Count(name, "/") >= 3 {
			return fs.SkipDir
		}
		if strings.EqualFold(path.Base(name), "services.csv") && !strings.Contains(name, "__MACOSX") {
			found = append(found, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("list package: %w", err)
	}
	switch len(found) {
	case 0:
		return "", referral.Invalid("services.csv", "is missing: this is no HSDS package")
	case 1:
		return found[0], nil
	}
	return "", referral.Invalid("services.csv", "occurs in %d folders: name the one to import", len(found))
}

// csvFiles lists the tables of a folder by lower-case name, in order.
func (p *packageFiles) csvFiles(folder string) ([]string, error) {
	entries, err := fs.ReadDir(p.fsys, folder)
	if err != nil {
		return nil, fmt.Errorf("list package: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.EqualFold(path.Ext(e.Name()), ".csv") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (p *packageFiles) readFile(folder, name string) ([]byte, error) {
	// To open a pipe that nobody writes to would wait for ever.
	if info, err := fs.Stat(p.fsys, path.Join(folder, name)); err == nil && !info.Mode().IsRegular() {
		return nil, referral.Invalid(name, "is a pipe or a device, not a file")
	}
	f, err := p.fsys.Open(path.Join(folder, name))
	if err != nil {
		return nil, referral.Invalid(name, "can't be opened, or leads out of the package")
	}
	defer f.Close()
	limit := int64(maxFileBytes)
	if info, err := f.Stat(); err == nil && p.ratio {
		if h, ok := info.Sys().(*zip.FileHeader); ok {
			limit = min(limit, max(1<<20, int64(h.CompressedSize64)*maxZipRatio)) // #nosec G115 -- the limit bounds it whatever it claims
		}
	}
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, referral.Invalid(name, "can't be read: %v", err)
	}
	p.read += int64(len(raw))
	if int64(len(raw)) > limit || p.read > maxTotalBytes {
		return nil, referral.Invalid(name, "is larger than an import may be (%d MB a file, %d MB in all, %d times its packed size)",
			maxFileBytes>>20, maxTotalBytes>>20, maxZipRatio)
	}
	return raw, nil
}

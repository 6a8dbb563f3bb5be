package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

//go:embed static
var staticFiles embed.FS

// asset is a file of the pages, compressed once at start.
type asset struct {
	kind    string // media type
	tag     string // changes with the content
	plain   []byte
	gzipped []byte // nil when that saves nothing
}

var assets = mustLoadAssets()

func mustLoadAssets() map[string]asset {
	all := map[string]asset{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		plain, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		a := asset{kind: mediaType(name), tag: base64.RawURLEncoding.EncodeToString(sum[:9]), plain: plain}
		if packed := zip(plain); len(packed) < len(plain) {
			a.gzipped = packed
		}
		all[strings.TrimPrefix(name, "static/")] = a
		return nil
	})
	if err != nil {
		panic(err)
	}
	return all
}

// mediaType does not ask the machine's own tables, which differ.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

func zip(plain []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails on an unknown level only
	_, _ = w.Write(plain)                                 // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// assetURL names a file with its content's tag, so that browsers may keep it for good.
func assetURL(name string) string { return "/static/" + name + "?v=" + assets[name].tag }

func serveStatic(c echo.Context) error {
	a, ok := assets[path.Clean(c.Param("*"))]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	keep := "public, max-age=86400"
	if c.QueryParam("v") == a.tag {
		keep = "public, max-age=31536000, immutable"
	}
	h.Set("Cache-Control", keep)
	h.Set("ETag", `"`+a.tag+`"`)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(c.Request().Header.Get("If-None-Match"), a.tag) {
		return c.NoContent(http.StatusNotModified)
	}
	if a.gzipped != nil && strings.Contains(c.Request().Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		return c.Blob(http.StatusOK, a.kind, a.gzipped)
	}
	return c.Blob(http.StatusOK, a.kind, a.plain)
}

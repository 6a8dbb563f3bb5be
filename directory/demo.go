package directory

import (
	"embed"
	"io/fs"
)

//go:embed demo/*.csv
var demo embed.FS

// DemoSource is the source under which the demonstration directory is imported.
const DemoSource = "demo"

// DemoFS holds the demonstration directory: invented services around Peterborough, Kawartha Lakes, Toronto and Kenora,
// as an HSDS 3.0 package for ImportFS.
func DemoFS() fs.FS {
	files, err := fs.Sub(demo, "demo")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return files
}

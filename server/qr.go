package server

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// qrPicture is a QR code as an SVG draws it: nothing is fetched from anywhere.
type qrPicture struct {
	Size int // of a side, the quiet zone included
	Path string
}

// quietZone is what a reader needs around the code, in modules (ISO/IEC 18004).
const quietZone = 4

func qrOf(text string) (*qrPicture, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	var path strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := range size {
			if code.At(x, y) == color.Black {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	return &qrPicture{Size: size + 2*quietZone, Path: path.String()}, nil
}

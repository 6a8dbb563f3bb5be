package mailtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// noSchema is what a test logs when the OpenAPI file is missing.
const noSchema = "SendGrid's OpenAPI file (../shared/data/sendgrid/tsg_mail_v3.json beside the repository) is not here: " +
	"requests are held against our own checks only"

type requestSchema struct {
	doc  *openapi3.T
	body *openapi3.Schema
}

// loadSchema gives the schema of the mail/send body; nil without an error when the file is not at hand.
var loadSchema = sync.OnceValues(func() (*requestSchema, error) {
	path, err := schemaPath()
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("SendGrid's OpenAPI: %w", err)
	}
	body := doc.Paths.Value("/v3/mail/send").Post.RequestBody.Value.Content.Get("application/json").Schema.Value
	return &requestSchema{doc: doc, body: body}, nil
})

// schemaPath is relative to the folder with go.mod, at or above the working directory.
func schemaPath() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil || at == filepath.Dir(at) {
			return filepath.Join(at, "..", "shared", "data", "sendgrid", "tsg_mail_v3.json"), nil
		}
	}
}

func (s *requestSchema) check(body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return s.doc.ValidateSchemaJSON(s.body, value, openapi3.VisitAsRequest(), openapi3.EnableFormatValidation())
}

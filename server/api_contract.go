package server

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var contractYAML []byte

// contract is openapi.yaml as JSON: written for people, served for machines.
var contract = sync.OnceValues(func() ([]byte, error) {
	var document map[string]any
	if err := yaml.Unmarshal(contractYAML, &document); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return json.Marshal(document)
})

// apiContract answers GET /openapi.json, without a key.
func (s *Server) apiContract(c echo.Context) error {
	raw, err := contract()
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/json", raw)
}

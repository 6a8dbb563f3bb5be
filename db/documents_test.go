package db_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/db/dbtest"
)

// statements are those that the documents tell people to run at the worst of times: they must be understood by this
// schema, and only read.
func statements(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	deeper, err := filepath.Glob("../docs/security/*.md")
	require.NoError(t, err)
	files = append(files, deeper...)
	block, inline := regexp.MustCompile("(?s)```sql\n(.*?)```"), regexp.MustCompile(`-c (?:"([^"\n]+)"|'([^'\n]+)')`)
	found := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			found[file] = append(found[file], strings.Split(strings.TrimSpace(m[1]), ";\n")...)
		}
		for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
			found[file] = append(found[file], m[1]+m[2])
		}
	}
	return found
}

func TestStatementsInDocumentsFitTheSchema(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	all := statements(t)
	require.GreaterOrEqual(t, len(all["../docs/runbook.md"]), 8, "the runbook's statements are not found")
	for file, list := range all {
		for _, statement := range list {
			var plan []string
			assert.NoError(t, d.Select(&plan, "EXPLAIN "+strings.TrimSuffix(statement, ";")), "%s: %s", file, statement)
			assert.Regexp(t, `^(--.*\n)*SELECT `, statement, "%s", file)
		}
	}
}

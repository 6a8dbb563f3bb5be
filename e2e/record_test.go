package e2e

import (
	"database/sql"
	"strconv"
	"testing"

	_ "github.com/lib/pq"
)

func itoa(n int) string { return strconv.Itoa(n) }

// count reads one number from the record, and never writes.
func (d *dev) count(query string, args ...any) int {
	d.t.Helper()
	return count(d.t, d.OwnersURL, query, args...)
}

func count(t testing.TB, url, query string, args ...any) int {
	t.Helper()
	db, err := sql.Open("postgres", url)
	must(t, err)
	defer db.Close()
	var n int
	must(t, db.QueryRowContext(t.Context(), query, args...).Scan(&n))
	return n
}

// clean wants every invariant to hold, as `throughline check` finds.
func (d *dev) clean() {
	d.t.Helper()
	clean(d.t, d.production())
}

func clean(t testing.TB, environment []string) {
	t.Helper()
	if r := runs(t, environment, "", "throughline", "check"); r.code != 0 {
		t.Errorf("check: exit %d\n%s%s", r.code, r.out, r.errors)
	}
}

package db_test

import (
	"net"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"throughline/db"
	"throughline/db/dbtest"
)

const secret = "Tr0ub4dor"

func TestOpenSaysWhatIsMissingAndNeverThePassword(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := free.Addr().String()
	require.NoError(t, free.Close())
	there, err := url.Parse(dbtest.Empty(t))
	require.NoError(t, err)
	with := func(change func(*url.URL)) string {
		u := *there
		change(&u)
		return u.String()
	}

	for name, c := range map[string]struct{ databaseURL, want string }{
		"unset":         {"", "DATABASE_URL is not set"},
		"key and value": {"host=localhost password=" + secret, "DATABASE_URL is not a URL like postgres://"},
		"broken":        {"postgres://app:" + secret + "%zz@localhost/x", "DATABASE_URL is not a URL like postgres://"},
		"bad option":    {"postgres://app:" + secret + "@localhost/x?sslmode=" + secret, "cannot use localhost:5432; check DATABASE_URL"},
		"nobody listens": {"postgres://app:" + secret + "@" + nobody + "/x?sslmode=disable",
			"cannot reach " + nobody + ": is it running?"},
		"wrong password": {with(func(u *url.URL) { u.User = url.UserPassword("throughline", secret) }),
			`refuses user "throughline": check the user and the password`},
		"no such database": {with(func(u *url.URL) { u.Path = "/nowhere" }), `has no database "nowhere"`},
		"no TLS":           {with(func(u *url.URL) { u.RawQuery = "sslmode=require" }), "add ?sslmode=disable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := db.Open(t.Context(), c.databaseURL, db.Options{})
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), secret)
			if password, ok := there.User.Password(); ok {
				require.NotContains(t, err.Error(), password)
			}
		})
	}
}

func TestOpenBoundsThePoolAndSpeaksUTC(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), dbtest.Empty(t), db.Options{MaxOpen: 3, Application: "bounded"})
	require.NoError(t, err)
	defer d.Close()
	require.Equal(t, 3, d.Stats().MaxOpenConnections)
	var zone, application string
	require.NoError(t, d.QueryRow("SELECT current_setting('timezone'), current_setting('application_name')").Scan(&zone, &application))
	require.Equal(t, "UTC", zone)
	require.Equal(t, "bounded", application)
}

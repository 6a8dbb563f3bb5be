package temporal

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFrontendKeepsItsPortWhileNobodyElseHasIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := choosePorts(dir, 0)
	require.NoError(t, err)
	require.NoError(t, first.keep(dir))
	again, err := choosePorts(dir, 0)
	require.NoError(t, err)
	require.Equal(t, first.frontend, again.frontend)

	taken, err := net.Listen("tcp", local(first.frontend))
	require.NoError(t, err)
	defer taken.Close()
	other, err := choosePorts(dir, 0)
	require.NoError(t, err)
	require.NotEqual(t, first.frontend, other.frontend)
	_, err = choosePorts(dir, first.frontend)
	require.ErrorContains(t, err, "address already in use", "a port asked for is not traded for another")
}

func TestTheServicesListenApart(t *testing.T) {
	t.Parallel()
	p, err := choosePorts(t.TempDir(), 0)
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, port := range p.all() {
		seen[port] = true
	}
	require.Len(t, seen, 4)
}

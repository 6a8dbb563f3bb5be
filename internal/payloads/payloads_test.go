package payloads_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"throughline/internal/payloads"
	"throughline/internal/seal"
	"throughline/internal/seal/sealtest"
)

func TestWhatGoesToTemporalIsSealed(t *testing.T) {
	t.Parallel()
	c := payloads.Converter(sealtest.Keyring())
	p, err := c.ToPayload(map[string]string{"a": "canary"})
	require.NoError(t, err)
	assert.NotContains(t, p.String(), "canary")
	assert.Equal(t, "binary/encrypted", string(p.Metadata["encoding"]))
	assert.Equal(t, sealtest.Keyring().Primary(), string(p.Metadata["encryption-key-id"]))
	var back map[string]string
	require.NoError(t, c.FromPayload(p, &back))
	assert.Equal(t, "canary", back["a"])

	err = payloads.Converter(sealtest.Of(sealtest.Other("another"))).FromPayload(p, &back)
	assert.ErrorIs(t, err, seal.ErrUnknownKey)
	p.Data[len(p.Data)-1] ^= 1
	assert.ErrorIs(t, c.FromPayload(p, &back), seal.ErrDamaged)
}

// Histories that were recorded before, and what tests give, stand open.
func TestWhatIsNotSealedPasses(t *testing.T) {
	t.Parallel()
	open, err := converter.GetDefaultDataConverter().ToPayload("canary")
	require.NoError(t, err)
	var back string
	require.NoError(t, payloads.Converter(sealtest.Keyring()).FromPayload(open, &back))
	assert.Equal(t, "canary", back)
}

func TestAKeyOfBeforeStillOpens(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/keys.json"
	require.NoError(t, seal.MakeFile(path, nil))
	r, err := seal.New(seal.Source{File: path})
	require.NoError(t, err)
	c := payloads.Converter(r)
	p, err := c.ToPayload("canary")
	require.NoError(t, err)
	require.NoError(t, r.AddKey(true))
	var back string
	require.NoError(t, c.FromPayload(p, &back))
	newer, err := c.ToPayload("canary")
	require.NoError(t, err)
	assert.NotEqual(t, p.Metadata["encryption-key-id"], newer.Metadata["encryption-key-id"])
}

func TestFailuresSayNothing(t *testing.T) {
	t.Parallel()
	var o client.Options
	payloads.Seal(&o, sealtest.Keyring())
	f := o.FailureConverter.ErrorToFailure(errors.New("canary in a message"))
	assert.NotContains(t, strings.ReplaceAll(f.String(), " ", ""), "canary")
	assert.Equal(t, "Encoded failure", f.GetMessage())
	assert.ErrorContains(t, o.FailureConverter.FailureToError(f), "canary in a message")
}

func TestAHistoryIsOpenedWhole(t *testing.T) {
	t.Parallel()
	p, err := payloads.Converter(sealtest.Keyring()).ToPayloads("canary")
	require.NoError(t, err)
	h := &historypb.History{Events: []*historypb.HistoryEvent{{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: p}}}}}
	sealed := h.String()
	require.NoError(t, payloads.OpenHistory(h, sealtest.Keyring()))
	assert.NotContains(t, sealed, "canary")
	got := h.Events[0].GetWorkflowExecutionStartedEventAttributes().Input.Payloads
	assert.Equal(t, `"canary"`, string(got[0].Data))
}

//go:build unix

package servertest

import (
	"strings"
	"testing"

	"go.temporal.io/sdk/client"

	"throughline/internal/payloads"
	"throughline/internal/seal/sealtest"
	"throughline/referral"
	"throughline/workflows/lifetest"
)

// A life through clients and workers that seal: Temporal keeps nothing that can be read, and with the key it replays.
func TestALifeThatTemporalCannotRead(t *testing.T) {
	t.Parallel()
	o := client.Options{Logger: lifetest.Silent, Identity: "servertest"}
	payloads.Seal(&o, sealtest.Keyring())
	c, _ := serveTo(t, o)
	office := open(t, c, hurried(t))
	hire(t, c, office)
	life := lifetest.Lives()[0]
	id := refer(t, office, life.Agencies...)
	play(t, c, office, id, life.Acts)
	if !atRest(t, c, office, id) {
		await(t, "the end of the workflow", endOf(c, id))
	}
	if f, err := office.Facts(t.Context(), id); err != nil || f.State != referral.Closed {
		t.Errorf("it is %s, %v", f.State, err)
	}
	h := history(t, c, id, "")
	raw, err := lifetest.MarshalHistory(h)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "Referral\":") || !strings.Contains(string(raw), "encryption-key-id") {
		t.Error("something in the history can be read")
	}
	if err := payloads.OpenHistory(h, sealtest.Keyring()); err != nil {
		t.Fatal(err)
	}
	if raw, err = lifetest.MarshalHistory(h); err != nil || strings.Contains(string(raw), "encryption-key-id") {
		t.Errorf("not all of it was opened: %v", err)
	}
	replay(t, h)
}

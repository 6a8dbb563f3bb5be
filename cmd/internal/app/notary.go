package app

import (
	"context"

	"throughline/internal/notary"
)

// notarize links the audit and exports its heads for as long as the watch runs.
func (a *App) notarize(ctx context.Context) {
	n := &notary.Notary{DB: a.watch.pool, Log: a.Log, Count: a.Telemetry.AuditFailed, Key: a.options.AuditKey, Target: a.options.AuditTarget,
		Now: a.Desk.Clock.Now}
	if n.Target == nil {
		a.Log.Warn("the heads of the audit are written down nowhere else: AUDIT_EXPORT is not set")
	}
	a.watch.running.Go(func() { n.Run(ctx) })
}

package app

import (
	"context"
	"errors"

	"throughline/internal/telemetry"
	"throughline/internal/trace"
	"throughline/mail"
)

// handedOver tells traces and metrics of each letter that is handed to a provider: which, and what came of it.
type handedOver struct {
	mail.Sender
	told *telemetry.Telemetry
}

// Send hands one message to the provider.
func (h handedOver) Send(ctx context.Context, m mail.Message) (mail.Receipt, error) {
	ctx, span := trace.Start(ctx, "mail.send", trace.Provider(h.Name()))
	receipt, err := h.Sender.Send(ctx, m)
	outcome, class := "accepted", ""
	if err != nil {
		outcome, class = "unknown", "unknown"
		var failed *mail.Error
		if errors.As(err, &failed) {
			outcome, class = string(failed.Outcome), failed.Class
		}
	}
	h.told.Letter(h.Name(), outcome, class)
	span.Say(trace.Outcome(outcome))
	span.End(class)
	return receipt, err
}

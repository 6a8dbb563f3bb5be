package dispatcher

import (
	"context"
	"time"

	"throughline/casework"
	"throughline/db"
	"throughline/mail"
)

// invite sends the letters to our own people, one after the other: there are few. What was begun is carried through.
func (d *Dispatcher) invite(ctx context.Context) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if sent := d.inviteOne(ctx); sent {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (d *Dispatcher) inviteOne(ctx context.Context) (sent bool) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	out, ok, err := d.Desk.TakeInvitation(call)
	if err != nil {
		d.couldNot(ctx, "invitations could not be read", err)
	}
	if err != nil || !ok {
		return false
	}
	settled := d.sendInvitation(call, out)
	mark, done := context.WithTimeout(context.WithoutCancel(ctx), markLimit)
	defer done()
	if err := d.Desk.SettleInvitation(mark, out, settled); err != nil {
		d.couldNot(ctx, "an invitation could not be settled", err)
	}
	if settled.State != db.MessageAccepted {
		d.Log.Warn("an invitation did not go out, or may not have", "invitation", out.ID, "state", settled.State, "class", settled.Class)
	}
	return true
}

func (d *Dispatcher) sendInvitation(ctx context.Context, out casework.Inviting) casework.Settled {
	text, err := mail.RenderJoin(mail.Kind(out.Kind), out.Locale, mail.JoinMail{HelplineName: out.HelplineName, HelplinePhone: out.HelplineTel,
		Link: d.BaseURL + "/join/" + out.Token, Until: out.Expires, Zone: out.Zone})
	if err != nil {
		return casework.Settled{State: db.MessageRejected, Class: "unwritable"}
	}
	receipt, err := d.Sender.Send(ctx, mail.Message{ID: out.ID, From: d.From, To: mail.Address{Email: out.Email}, Locale: out.Locale,
		Subject: text.Subject, Text: text.Text, HTML: text.HTML})
	settled, _ := settle(receipt, err)
	return settled
}

package casework

import (
	"context"

	"throughline/db"
	"throughline/referral"
)

// What people do about a letter whose fate nobody knows, or that did not arrive.

// postAgain has letters go out once more. Each is a further generation of the same occasion, and says why (I4).
func (w *work) postAgain(ctx context.Context, posts []referral.Post, f referral.Facts) error {
	for _, p := range posts {
		if p.Again == "" {
			continue
		}
		m := w.letter(p, find(f.Offers, p.Offer))
		key, generation, err := db.NextGeneration(ctx, w.tx, m.Offer, m.Letter)
		if err != nil {
			return err
		}
		m.Generation = generation
		err = db.Write(ctx, w.tx, db.InsertMessages(w.rec.Organisation, f.ID, f.Version, key, w.now, []db.NewMessage{m}))
		if err != nil {
			return err
		}
	}
	return nil
}

// saveArrived writes down each letter that a person says is there.
func (w *work) saveArrived(ctx context.Context, before, after referral.Facts) error {
	for _, o := range after.Offers {
		was := find(before.Offers, o.ID)
		if was == nil || was.Mail.State == o.Mail.State || o.Mail.State != referral.MailDelivered {
			continue
		}
		if err := db.LetterArrived(ctx, w.tx, o.ID, w.now); err != nil {
			return err
		}
	}
	return nil
}

package referral

// What an agency answers to an offer.

func (d *decision) accept() error {
	o, t, err := d.target(in(Accepted))
	if o == nil {
		return err
	}
	other := d.holder(o.ID)
	if other != nil && !other.State.Awaiting() {
		return conflict(string(other.State))
	}
	d.move(o, t, "", "")
	d.receipt(o)
	// A waitlist has come to a place while another agency was being asked, which is no longer needed.
	if other != nil {
		back, _ := find(Withdraw, other.State)
		d.takeBack(other, back, "met_elsewhere")
	}
	return nil
}

func (d *decision) decline() error {
	if !Known(DeclineReasons, d.c.Reason) {
		return Invalid("reason", "must be one of the decline reasons")
	}
	o, t, err := d.target(func(o *Offer) bool { return o.State == Declined && o.Reason == d.c.Reason })
	if o == nil {
		return err
	}
	o.Reason = d.c.Reason
	d.move(o, t, d.c.Reason, AttributionOf(DeclineReasons, d.c.Reason))
	d.receipt(o)
	return nil
}

func (d *decision) ask() error {
	o, t, err := d.target(nil)
	if o == nil {
		return err
	}
	d.move(o, t, "", "")
	d.receipt(o)
	return nil
}

// answer sends the offer back to the agency and gives its clock the time that the question took, up to the cap.
func (d *decision) answer() error {
	o, t, err := d.target(nil)
	if o == nil {
		return err
	}
	// The answer tells of the client.
	if err := d.agreed(o, DetailsGroup, "note"); err != nil {
		return err
	}
	pace := d.pace()
	end := d.now
	if limit := pace.PauseCap.From(o.Entered, o.Calendar); end.After(limit) {
		end = limit
	}
	if pace.Lapse.business() {
		o.Paused += o.Calendar.OpenBetween(o.Entered, end)
	} else if end.After(o.Entered) {
		o.Paused += end.Sub(o.Entered)
	}
	d.finish(AnswerAgency, o.ID)
	d.move(o, t, "", "")
	d.post(o, AnsweredLetter)
	return nil
}

func (d *decision) waitlist() error {
	o, t, err := d.target(nil)
	if o == nil {
		return err
	}
	d.move(o, t, "", "")
	d.receipt(o)
	return nil
}

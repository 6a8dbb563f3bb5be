package referral

// What an agency reports after it has said yes.

// plain is a move that carries nothing but itself: service has started, service goes on.
func (d *decision) plain() error {
	o, t, err := d.target(func(o *Offer) bool { return d.c.Do == StartService && o.State == InService })
	if o == nil {
		return err
	}
	d.move(o, t, "", "")
	return nil
}

// contact counts one attempt to reach the client.
func (d *decision) contact() error {
	o, t, err := d.target(nil)
	if o == nil {
		return err
	}
	if o.State != Contacting {
		o.Attempts = 0
	}
	o.Attempts++
	d.move(o, t, "", "")
	return nil
}

func (d *decision) schedule() error {
	if d.c.At.IsZero() {
		return Invalid("at", "the date and time of the appointment is missing")
	}
	o, t, err := d.target(func(o *Offer) bool { return o.State == Scheduled && o.Visit.Equal(d.c.At) })
	if o == nil {
		return err
	}
	if d.c.At.Before(d.now.AddDate(0, 0, -1)) || d.c.At.After(d.now.Add(maxWait)) {
		return Invalid("at", "must be between yesterday and two years from now")
	}
	o.Visit = d.c.At
	d.move(o, t, "", "")
	return nil
}

func (d *decision) reportOutcome() error {
	if err := d.validOutcome(); err != nil {
		return err
	}
	o, t, err := d.target(func(o *Offer) bool { return o.State == OutcomeReported && o.Outcome == d.c.Outcome })
	if o == nil {
		return err
	}
	o.Outcome = d.c.Outcome
	d.move(o, t, d.c.Outcome, AttributionOf(Outcomes, d.c.Outcome))
	d.receipt(o)
	return nil
}

// fail says that help will not come from here after all. The need is still there.
func (d *decision) fail() error {
	if !Known(AgencyFailReasons, d.c.Reason) {
		return Invalid("reason", "must be one of the fail reasons")
	}
	o, t, err := d.target(func(o *Offer) bool { return o.State == Failed && o.Reason == d.c.Reason })
	if o == nil {
		return err
	}
	o.Reason = d.c.Reason
	d.move(o, t, d.c.Reason, AttributionOf(FailReasons, d.c.Reason))
	d.receipt(o)
	return nil
}

func (d *decision) validOutcome() error {
	if !Known(Outcomes, d.c.Outcome) {
		return Invalid("outcome", "must be one of the outcomes")
	}
	if d.c.Outcome == Unmet && !Known(UnmetReasons, d.c.Unmet) {
		return Invalid("unmet_reason", "must say why the need stays unmet")
	}
	if d.c.Outcome != Unmet && d.c.Unmet != "" {
		return Invalid("unmet_reason", "goes with the outcome unmet only")
	}
	return nil
}

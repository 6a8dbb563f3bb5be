package server

import (
	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/referral"
)

// commandFields are the commands of the API and what each takes. The clock's commands are not among them.
var commandFields = map[referral.Name][]string{
	referral.Accept:          {"offer_id", "told_by", "note"},
	referral.Ask:             {"offer_id", "told_by", "note"},
	referral.Waitlist:        {"offer_id", "told_by", "note"},
	referral.Contact:         {"offer_id", "told_by", "note"},
	referral.StartService:    {"offer_id", "told_by", "note"},
	referral.Continue:        {"offer_id", "told_by", "note"},
	referral.Decline:         {"offer_id", "reason", "told_by", "note"},
	referral.Fail:            {"offer_id", "reason", "told_by", "note"},
	referral.Schedule:        {"offer_id", "at", "told_by", "note"},
	referral.ReportOutcome:   {"offer_id", "outcome", "unmet_reason", "told_by", "note"},
	referral.Confirm:         {"offer_id", "outcome", "unmet_reason", "note"},
	referral.Dispute:         {"offer_id", "note"},
	referral.Withdraw:        {"offer_id", "reason", "for", "note"},
	referral.OpenDraft:       {"consent", "note"},
	referral.Answer:          {"offer_id", "note"},
	referral.MarkInError:     {"offer_id", "again", "note"},
	referral.AddOffer:        {"service_ids", "consent", "note"},
	referral.Agree:           {"service_ids", "consent", "note"},
	referral.WithdrawConsent: {"offer_id", "groups", "for", "note"},
	referral.Close:           {"outcome", "unmet_reason", "for", "note"},
	referral.Reassign:        {"person_id", "note"},
	referral.FinishTask:      {"task_id", "note"},
	referral.Arrived:         {"offer_id", "note"},
	referral.Resend:          {"offer_id", "reason", "note"},
}

// apiCommand answers POST /referrals/{id}/{command}.
func (s *Server) apiCommand(c echo.Context) error {
	id, err := pathID(c, "referral")
	if err != nil {
		return err
	}
	do := referral.Name(c.Param("command"))
	fields, known := commandFields[do]
	if !known {
		return referral.NotFound("command")
	}
	var in casework.CommandInput
	key, err := change(c, &in, fields...)
	if err != nil {
		return err
	}
	in.Do = do
	if in.IfVersion, err = versionWanted(c.Request().Header); err != nil {
		return err
	}
	after, err := s.desk.Do(c.Request().Context(), apiActor(c), id, in, key)
	if err != nil {
		return err
	}
	return answerReferral(c, after)
}

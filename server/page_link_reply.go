package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"throughline/casework"
	"throughline/locale"
	"throughline/referral"
)

// linkTyped is what was typed into one of the page's forms, as it was typed.
type linkTyped struct {
	Do                                                      referral.Name
	Name, Reason, Outcome, Unmet, Note, Date, Clock, Offset string
}

// readLinkForm reads a form. The language switch, which stands before it on the page, sends it along with a "do" of its
// own; the form's is the last.
func readLinkForm(form url.Values) linkTyped {
	do := ""
	if all := form["do"]; len(all) > 0 {
		do = all[len(all)-1]
	}
	return linkTyped{Do: referral.Name(do), Name: form.Get("name"), Reason: form.Get("reason"),
		Outcome: form.Get("outcome"), Unmet: form.Get("unmet_reason"), Note: form.Get("note"), Date: form.Get("date"),
		Clock: form.Get("time"), Offset: form.Get("offset")}
}

// reply carries out what an agency posts. The same decision again is answered alike; a decision after another is told
// what was decided first. What is none of the page's forms leads to the page, which counts as opening it.
func (d *linkDesk) reply(c echo.Context) error {
	raw, form := d.tokenOf(c), c.Request().PostForm
	if err := d.usedTooOften(c, d.limits.linkPosts, raw); err != nil {
		return err
	}
	if !form.Has("do") {
		return c.Redirect(http.StatusSeeOther, "/r")
	}
	typed := readLinkForm(form)
	page, err := d.read(c, raw)
	if err != nil {
		return d.deadLink(c, raw, err)
	}
	// The browser keeps the link that was opened last; a form of an earlier one must not decide over another client.
	if offer := form.Get("offer"); offer != "" && offer != page.OfferID.String() {
		return d.showLink(c, http.StatusConflict, linkView{LinkPage: page, OtherLink: true}, nil)
	}
	v := linkView{LinkPage: page, Typed: typed}
	if verb, lang := pressed(form); verb == "language" && slices.Contains(locale.Languages, lang) {
		d.keepLanguage(c, lang)
		typed.input(d.locale(c), &v)
		return d.showLink(c, http.StatusOK, v, nil)
	}
	in, faults := typed.input(d.locale(c), &v)
	if len(faults) > 0 {
		return d.showLink(c, http.StatusUnprocessableEntity, v, d.linkWrongs(c, typed.Do, faults...))
	}
	in.Version, _ = strconv.Atoi(form.Get("version")) // 0 when it is not a number: any version will do
	err = d.desk.Reply(c.Request().Context(), raw, in)
	var refused *referral.Error
	switch {
	case err == nil:
		return d.seeOther(c, "/r", string(in.Do))
	case errors.As(err, &refused) && refused.Code == referral.CodeConflict && refused.Outcome != "":
		return d.decidedBefore(c, raw, refused.Outcome)
	case errors.As(err, &refused) && refused.Code == referral.CodeInvalid && refused.Field != "command":
		return d.showLink(c, http.StatusUnprocessableEntity, v, d.linkWrongs(c, typed.Do, fieldsOf(err)...))
	case referral.CodeOf(err) == referral.CodeNotFound:
		return d.deadLink(c, raw, err)
	}
	return err
}

// decidedBefore shows the page as it stands, with what came first.
func (d *linkDesk) decidedBefore(c echo.Context, raw, outcome string) error {
	page, err := d.read(c, raw)
	if err != nil {
		return d.deadLink(c, raw, err)
	}
	return d.showLink(c, http.StatusConflict, linkView{LinkPage: page, Conflict: stateInWords(d.locale(c), outcome)}, nil)
}

// input makes the desk's words of what was typed; faults name the fields that the page itself can tell are wrong. The
// choices of a repeated hour are left in the view.
func (t linkTyped) input(l *locale.Localizer, v *linkView) (in casework.ReplyInput, faults []string) {
	in = casework.ReplyInput{Do: t.Do, Name: t.Name, Reason: t.Reason, Outcome: t.Outcome, Note: t.Note}
	if t.Outcome == referral.Unmet {
		in.Unmet = t.Unmet
	}
	if strings.TrimSpace(t.Name) == "" {
		faults = append(faults, "name")
	}
	switch t.Do {
	case referral.Schedule:
		var fault string
		if in.At, v.Repeated, fault = appointment(l, t.Date, t.Clock, t.Offset, v.Zone); fault != "" {
			faults = append(faults, fault)
		}
	case referral.Decline, referral.Fail:
		if t.Reason == "" {
			faults = append(faults, "reason")
		}
	case referral.ReportOutcome:
		if t.Outcome == "" {
			faults = append(faults, "outcome")
		}
	case referral.Ask:
		if strings.TrimSpace(t.Note) == "" {
			faults = append(faults, "note")
		}
	}
	return in, faults
}

func fieldsOf(err error) []string {
	var fields []string
	for _, e := range referral.All(err) {
		fields = append(fields, e.Field)
	}
	return fields
}

// linkWrongs puts the words for each field beside it, in the form that was sent.
func (d *linkDesk) linkWrongs(c echo.Context, do referral.Name, fields ...string) []wrong {
	l := d.locale(c)
	var wrongs []wrong
	for _, field := range fields {
		key := "agency.wrong." + field
		if l.Has(key + "." + string(do)) {
			key += "." + string(do)
		}
		if !l.Has(key) {
			key = "agency.wrong.other"
		}
		wrongs = append(wrongs, wrong{Field: string(do) + "-" + field, Text: l.T(key)})
	}
	return wrongs
}

// doneOf is the command that the page confirms after a form; "" for anything that is not one of the agency's.
func doneOf(c echo.Context) referral.Name {
	do := referral.Name(c.QueryParam("done"))
	if slices.Contains(linkCommands, do) {
		return do
	}
	return ""
}

package faults

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"throughline/referral"
)

// page is what an agency sees at its link.
type page struct {
	token   string
	offer   uuid.UUID
	version int
	forms   []referral.Name
}

var (
	formIn    = regexp.MustCompile(`<input type="hidden" name="do" value="([a-z_]+)">`)
	versionIn = regexp.MustCompile(`<input type="hidden" name="version" value="(\d+)">`)
	offerIn   = regexp.MustCompile(`<input type="hidden" name="offer" value="([0-9a-f-]{36})">`)
)

// mailLimit is how long a life waits for a letter that may never come.
const mailLimit = 8 * time.Second

// token is the link of one of the referral's letters, mostly the latest; "" when none comes.
func (l *life) token(ctx context.Context, v seen) string {
	old := l.dice.IntN(5) == 0
	at := l.dice.IntN(100)
	for end := time.Now().Add(mailLimit); ; {
		if all := l.letters.of(v.ShortName); len(all) > 0 {
			if old {
				return all[at%len(all)]
			}
			return all[len(all)-1]
		}
		if time.Now().After(end) || sleep(ctx, 100*time.Millisecond) != nil {
			return ""
		}
	}
}

func (l *life) reader(token string) map[string]string {
	return map[string]string{"Cookie": "tl_link=" + token, "X-Forwarded-For": l.address}
}

// visit opens a link as a browser does: the mailed address, then the page it leads to. ok is false for a link that opens
// nothing, and for a page without a form.
func (l *life) visit(ctx context.Context, token string) (p page, ok bool) {
	base := l.base()
	if a := l.send(ctx, http.MethodGet, base+"/r/"+token, map[string]string{"X-Forwarded-For": l.address}, nil); a.status != http.StatusSeeOther {
		return page{}, false
	}
	a := l.send(ctx, http.MethodGet, base+"/r", l.reader(token), nil)
	if a.status != http.StatusOK {
		return page{}, false
	}
	p.token = token
	for _, found := range formIn.FindAllSubmatch(a.body, -1) {
		p.forms = append(p.forms, referral.Name(found[1]))
	}
	version, offer := versionIn.FindSubmatch(a.body), offerIn.FindSubmatch(a.body)
	if len(p.forms) == 0 || version == nil || offer == nil {
		return page{}, false
	}
	p.version, _ = strconv.Atoi(string(version[1])) // digits
	p.offer, _ = uuid.Parse(string(offer[1]))       // hex
	return p, true
}

// byLink has an agency open its link and answer.
func (l *life) byLink(ctx context.Context, v seen) error {
	token := l.token(ctx, v)
	if token == "" {
		return nil
	}
	p, ok := l.visit(ctx, token)
	do := l.agencyWord(p.forms)
	if !ok || do == "" {
		return nil
	}
	form := l.form(p, do)
	if err := l.reply(ctx, p, form); err != nil {
		return err
	}
	if l.dice.IntN(6) == 0 {
		return l.reply(ctx, p, form) // the button was pressed twice
	}
	return nil
}

// form fills in one of the page's forms.
func (l *life) form(p page, do referral.Name) url.Values {
	form := url.Values{"do": {string(do)}, "version": {strconv.Itoa(p.version)}, "offer": {p.offer.String()}, "name": {"Priya"}, "note": {l.mark()}}
	if do == referral.Schedule {
		l.appointment(form)
		return form
	}
	for name, value := range l.fields(do) {
		form.Set(name, fmt.Sprint(value))
	}
	return form
}

// appointment chooses a day and an hour on the agency's clock: today, or on one of the nights when clocks change.
func (l *life) appointment(form url.Values) {
	now := l.now().In(referral.Toronto)
	day, clock, offset := now.Format(time.DateOnly), now.Format("15:04"), ""
	switch l.dice.IntN(4) {
	case 0: // from 2:00 to 3:00 there is no such time
		day, clock = "2027-03-14", pick(l.dice, []string{"01:30", "02:30", "03:30"})
	case 1: // from 1:00 to 2:00 there are two; an offset says which
		day, clock, offset = "2027-11-07", pick(l.dice, []string{"00:30", "01:30", "02:30"}), pick(l.dice, []string{"", "-04:00", "-05:00", "-06:00"})
	}
	form.Set("date", day)
	form.Set("time", clock)
	form.Set("offset", offset)
}

// reply posts a form until it is known what became of it. It has no key: the page's version stands for it.
func (l *life) reply(ctx context.Context, p page, form url.Values) error {
	e := Entry{Life: l.n, Mark: form.Get("note"), Via: "link", Do: form.Get("do"), Referral: l.referral, Offer: p.offer,
		Page: p.version, Machine: !form.Has("name")}
	if form.Has("date") {
		e.Clock = strings.TrimSpace(form.Get("date") + " " + form.Get("time") + " " + form.Get("offset"))
	}
	header := l.reader(p.token)
	header["Content-Type"] = "application/x-www-form-urlencoded"
	body := []byte(form.Encode())
	_, err := l.insist(ctx, e, func(ctx context.Context, base string) answer { return l.send(ctx, "POST", base+"/r", header, body) })
	return err
}

// scan opens the newest link as mail scanners do, and posts what a machine would: a form without a name.
func (l *life) scan(ctx context.Context, v seen) error {
	token := l.token(ctx, v)
	if token == "" {
		return nil
	}
	p, ok := l.visit(ctx, token)
	if !ok {
		return nil
	}
	base := l.base()
	for _, path := range []string{"/r/" + token, "/r"} {
		l.send(ctx, http.MethodHead, base+path, l.reader(token), nil)
		l.send(ctx, http.MethodGet, base+path+"?do=accept&name=x&note="+l.mark(), l.reader(token), nil)
	}
	form := l.form(p, pick(l.dice, p.forms))
	form.Del("name")
	return l.reply(ctx, p, form)
}

// race lets two people decide at the same moment: two at the agency, or the agency and the helpline.
func (l *life) race(ctx context.Context, v seen, o seenOffer) error {
	token := l.token(ctx, v)
	if token == "" {
		return nil
	}
	p, ok := l.visit(ctx, token)
	if !ok {
		return nil
	}
	one, two := l.form(p, pick(l.dice, p.forms)), l.form(p, pick(l.dice, p.forms))
	var both sync.WaitGroup
	errs := make([]error, 2)
	both.Go(func() { errs[0] = l.reply(ctx, p, one) })
	if l.dice.IntN(2) == 0 {
		errs[1] = l.withdraw(ctx, o)
	} else {
		errs[1] = l.reply(ctx, p, two)
	}
	both.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

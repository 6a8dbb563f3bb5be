package races_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"throughline/casework"
	"throughline/casework/races"
	"throughline/referral"
)

// life is one referral in a round: what was asked of it, and what it answered.
type life struct {
	*round
	id      uuid.UUID
	begin   races.Referral
	offers  map[string]uuid.UUID // by the model's name, those of the intake
	tokens  map[string]string    // of their links
	tasks   []uuid.UUID          // that were open when the race began
	due     referral.Step        // what the clock was last seen to wait for
	version int                  // when the race began

	mu   sync.Mutex
	made []made
	told []int
}

// made is a call as it was made, before the names of the model are known of all that it names.
type made struct {
	races.Made
	staff *casework.Referral
	page  *casework.LinkPage
	asked referral.Step // of the clock
	task  uuid.UUID     // of finish_task
	step  referral.Step // that the clock was answered
	now   time.Time     // of the clock, by then
	err   error
}

// takeIn takes a call for some services.
func (r *round) takeIn(draft bool, services int) *life {
	l := &life{round: r, offers: map[string]uuid.UUID{}, tokens: map[string]string{}}
	names := []string{"s1", "s2", "s3"}[:services]
	in := casework.IntakeInput{Case: casework.CaseInput{Name: "Ana", Phone: "705 555 0123", SafeToCall: true, Municipality: "Peterborough"},
		Referral: casework.ReferralInput{Need: "food", Draft: draft, Consent: casework.ConsentInput{Given: !draft, How: "verbal"}}}
	for _, s := range names {
		in.Referral.ServiceIDs = append(in.Referral.ServiceIDs, r.services[s])
	}
	r.taking.Lock()
	defer r.taking.Unlock()
	out, err := l.desk.Intake(context.Background(), r.people["noor"], in, nil)
	must(err)
	l.id, l.begin = out.ReferralID, races.Open("noor", draft, names...)
	for i, id := range read[uuid.UUID](r.lane, `SELECT id FROM offers WHERE referral_id = $1 ORDER BY rank`, l.id) {
		l.offers[l.begin.Offers[i].Name] = id
	}
	r.lives[l.id], r.referrals = l, append(r.referrals, l)
	return l
}

// bring leads a referral to where a scenario begins.
func (l *life) bring(s scenario) {
	l.settle()
	for _, c := range s.Start.way {
		if c.Offer == "" || l.offers[c.Offer] != uuid.Nil {
			l.make(c, "before", uuid.Nil)
			l.settle()
		}
	}
	for range s.Steps {
		l.pass()
	}
	for range 10 {
		if l.due = l.next(); s.Until == "" || string(l.due.Do) == s.Until {
			break
		}
		l.pass()
	}
	if s.Due {
		l.wait()
	}
	now := l.look("before")
	l.version = now.Version
	for _, t := range now.Tasks {
		if t.State == referral.TaskOpen {
			l.tasks = append(l.tasks, t.ID)
		}
	}
}

// settle has the clock do what is due, and waits until its letters are out.
func (l *life) settle() {
	l.work()
	await("the letters to go out", func() bool {
		return read[int](l.lane, `SELECT count(*) FROM messages WHERE referral_id = $1 AND state IN ('pending', 'claimed')`, l.id)[0] == 0
	})
	l.findLinks()
}

// pass lets time pass until the next step has been carried out.
func (l *life) pass() {
	if l.wait() {
		l.run(l.due)
		l.settle()
	}
}

// wait lets time pass until the next step is due; false when there is none, or it is not the clock's.
func (l *life) wait() bool {
	l.drained() // nobody else is to be at work as time passes
	l.due = l.next()
	if l.due.None() || !l.due.Do.ByClock() {
		return false
	}
	m := made{asked: l.due}
	m.Alarm = &races.Duty{}
	l.record(m, func(*made) { l.clock.set(l.due.Due) })
	return true
}

// record makes a call and notes when it began and ended.
func (l *life) record(m made, do func(*made)) made {
	m.Began = int(l.moment.Add(1))
	do(&m)
	m.now = l.clock.Now()
	m.Ended = int(l.moment.Add(1))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made = append(l.made, m)
	return m
}

var linkIn = regexp.MustCompile(`/r/([A-Za-z0-9_-]+)`)

// findLinks reads the letters of the offers, as their agencies do.
func (l *life) findLinks() {
	letters := map[string]string{}
	for _, m := range l.sendgrid.Messages() {
		letters[m.MID] = m.Text
	}
	for _, row := range read[struct{ ID, Offer uuid.UUID }](l.lane, `SELECT id, offer_id AS offer FROM messages WHERE referral_id = $1 AND letter = 'offer'`, l.id) {
		for name, id := range l.offers {
			if found := linkIn.FindStringSubmatch(letters[row.ID.String()]); id == row.Offer && found != nil {
				l.tokens[name] = found[1]
			}
		}
	}
}

// make makes a call of the model on the record.
func (l *life) make(c races.Call, by string, task uuid.UUID) {
	l.record(made{Made: races.Made{Call: c, By: by}, task: task}, func(m *made) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if c.Way == races.Link {
			m.page, m.err = l.byLink(ctx, c, by)
			return
		}
		m.staff, m.err = l.byStaff(ctx, c, by, task)
	})
	if c.Way == races.Link && c.Do != "look" && c.Do != "new_link" {
		l.make(races.Call{Way: races.Link, Do: "look", Offer: c.Offer}, by, uuid.Nil) // the page that the answer leads to
	}
}

// byLink has an agency use the link of its offer. Once a newer letter has taken its place, it does what the page then says, and
// uses the newest that it has.
func (l *life) byLink(ctx context.Context, c races.Call, by string) (page *casework.LinkPage, err error) {
	token := l.tokens[c.Offer]
	await("a link that has not been replaced", func() bool {
		page, err = l.useLink(ctx, token, c, by)
		if !errors.Is(err, casework.ErrNewerLink) {
			return true
		}
		token = l.newest(c.Offer)
		return false
	})
	return page, err
}

// newest is the token of the newest letter about an offer that its agency has.
func (l *life) newest(offer string) string {
	letters := map[string]string{}
	for _, m := range l.sendgrid.Messages() {
		letters[m.MID] = m.Text
	}
	for _, id := range read[uuid.UUID](l.lane, `SELECT message_id FROM links WHERE offer_id = $1 ORDER BY created_at DESC`, l.offers[offer]) {
		if found := linkIn.FindStringSubmatch(letters[id.String()]); found != nil {
			return found[1]
		}
	}
	return l.tokens[offer]
}

func (l *life) useLink(ctx context.Context, token string, c races.Call, by string) (*casework.LinkPage, error) {
	switch c.Do {
	case "new_link":
		return nil, l.desk.AskNewLink(ctx, token)
	case "look":
		page, err := l.desk.OpenLink(ctx, token)
		return &page, err
	}
	return nil, l.desk.Reply(ctx, token, casework.ReplyInput{Do: referral.Name(c.Do), Name: by, Reason: c.Reason, Outcome: c.Outcome,
		Unmet: c.Unmet, Note: c.Note, At: visits[c.Visit], Version: c.Form})
}

// leave closes an account, which all referrals of the helpline may feel.
func (r *round) leave(person string) {
	email := read[string](r.lane, `SELECT email FROM accounts WHERE id = $1`, r.people[person].ID)[0]
	m := made{Made: races.Made{Call: races.Call{Way: races.House, Do: "leave", Person: person}, By: "house", Began: int(r.moment.Add(1))}}
	m.err = r.desk.CloseAccount(context.Background(), email)
	m.Ended = int(r.moment.Add(1))
	for _, l := range r.referrals {
		l.mu.Lock()
		l.made = append(l.made, m)
		l.mu.Unlock()
	}
}

var visits = map[string]time.Time{"tomorrow": monday.AddDate(0, 0, 1), "the day after": monday.AddDate(0, 0, 2)}

func (l *life) byStaff(ctx context.Context, c races.Call, by string, task uuid.UUID) (*casework.Referral, error) {
	who := l.people[c.Account]
	who.Name = by
	if c.Do == "look" {
		r, err := l.desk.Referral(ctx, who, l.id)
		return &r, err
	}
	in := casework.CommandInput{Do: referral.Name(c.Do), OfferID: l.offers[c.Offer], TaskID: task, Reason: c.Reason, Outcome: c.Outcome,
		Unmet: c.Unmet, At: visits[c.Visit], PersonID: l.people[c.Person].ID, Note: c.Note, ToldBy: "Sam", IfVersion: c.IfVersion,
		Consent: &casework.ConsentInput{Given: true, How: "verbal"}}
	if c.Client {
		in.For = referral.Client
	}
	switch {
	case c.Do == "add_offer":
		in.ServiceIDs = []uuid.UUID{l.services[c.Service]}
	case c.Do == "mark_in_error":
		in.Again = c.Service != ""
	}
	var key *casework.Key
	if c.Key != "" {
		key = &casework.Key{Key: c.Key, Body: []byte(c.Body())}
	}
	r, err := l.desk.Do(ctx, who, l.id, in, key)
	return &r, err
}

func (l *life) look(by string) casework.Referral {
	m := l.record(made{Made: races.Made{Call: races.Call{Way: races.Staff, Do: "look", Account: "noor"}, By: by}}, func(m *made) {
		m.staff, m.err = l.byStaff(context.Background(), m.Call, by, uuid.Nil)
	})
	return *m.staff
}

// next and run are what a worker does for a referral's workflow.
func (l *life) next() referral.Step {
	m := l.record(made{Made: races.Made{Call: races.Call{Way: races.Clock, Do: "look"}, By: "clock"}}, func(m *made) {
		m.step, m.err = l.desk.Next(context.Background(), l.id, monday)
	})
	return m.step
}

func (l *life) run(step referral.Step) referral.Step {
	m := l.record(made{Made: races.Made{Call: races.Call{Way: races.Clock, Do: string(step.Do)}, By: "clock"}, asked: step}, func(m *made) {
		m.step, m.err = l.desk.Run(context.Background(), l.id, step, monday)
	})
	return m.step
}

// work does what is due, until nothing is.
func (l *life) work() {
	step := l.next()
	for range 20 {
		if step.None() || !step.Do.ByClock() || step.Due.After(l.clock.Now()) {
			return
		}
		step = l.run(step)
	}
}

// tell is the news of a version, or of the start, which wakes the clock.
func (l *life) tell(version int) {
	l.mu.Lock()
	l.told = append(l.told, version)
	l.mu.Unlock()
	l.work()
}

// answer is what a call was answered, in the model's words.
func (n *naming) answer(m made) string {
	var e *referral.Error
	switch {
	case m.err != nil && !errors.As(m.err, &e):
		return "500 " + m.err.Error()
	case m.err != nil:
		return strings.TrimSpace(map[referral.Code]string{referral.CodeConflict: "409 " + e.Outcome, referral.CodeNotFound: "404 " + e.Field,
			referral.CodeInvalid: "400 " + e.Field, referral.CodeStale: "412"}[e.Code])
	case m.staff != nil:
		return n.referral(*m.staff).StaffSee()
	case m.page != nil:
		return n.page(*m.page)
	case m.Way != races.Clock:
		return "ok"
	case m.step.None():
		return "none"
	case m.step.Due.After(m.now):
		return "later"
	}
	return n.duty(m.step).String()
}

// naming gives the record's things the model's names.
type naming struct {
	life          *life
	offers, tasks map[uuid.UUID]string
	services      map[uuid.UUID]string
}

func (n *naming) duty(s referral.Step) races.Duty {
	return races.Duty{Do: string(s.Do), Offer: n.offers[s.Offer], Task: n.tasks[s.Task], Kind: string(s.TaskKind)}
}

func (n *naming) page(p casework.LinkPage) string {
	return races.Page{Version: p.Version, Referral: string(p.Referral), State: string(p.State), Reason: p.Reason, Outcome: p.Outcome,
		Visit: visitNamed(p.VisitAt), Attempts: p.Attempts, Client: p.Client != nil}.String()
}

func visitNamed(at *time.Time) string {
	for name, v := range visits {
		if at != nil && at.Equal(v) {
			return name
		}
	}
	return ""
}

func (n *naming) referral(r casework.Referral) races.Referral {
	m := races.Referral{State: string(r.State), Version: r.Version, Outcome: r.Outcome, Unmet: r.Unmet, Evidence: string(r.Evidence),
		Owner: n.life.names[r.OwnerID], NoConsent: r.Consent != nil && r.Consent.WithdrawnAt != nil}
	for _, o := range r.Offers {
		m.Offers = append(m.Offers, races.Offer{Name: n.offers[o.ID], Service: n.services[o.ServiceID], Rank: o.Rank, State: string(o.State),
			Reason: o.Reason, Outcome: o.Outcome, Visit: visitNamed(o.VisitAt), Attempts: o.Attempts, Reminded: o.RemindedAt != nil,
			Escalated: o.EscalatedAt != nil})
	}
	for _, t := range r.Tasks {
		task := races.Task{Name: n.tasks[t.ID], Kind: string(t.Kind), State: string(t.State), Role: string(t.Role), Escalations: t.Escalations}
		if t.OfferID != nil {
			task.Offer = n.offers[*t.OfferID]
		}
		if t.AssigneeID != nil {
			task.Person = n.life.names[*t.AssigneeID]
		}
		m.Tasks = append(m.Tasks, task)
	}
	slices.SortFunc(m.Tasks, func(a, b races.Task) int { return strings.Compare(a.Name, b.Name) })
	return m
}

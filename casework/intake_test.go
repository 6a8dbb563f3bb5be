package casework_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/casework"
	"throughline/referral"
)

func TestAnIntakeIsOneTransaction(t *testing.T) {
	t.Parallel()
	r := open(t)
	before := r.contents()
	in := r.intake(r.services[0], r.services[1])
	assert.Equal(t, []string{"cases", "referrals", "offers", "timeline", "outbox", "consents", "audit"}, changed(before, r.contents()))
	assert.Regexp(t, `^C-[0-9A-Z]{4}-[0-9A-Z]{4}$`, in.Reference)
	assert.Equal(t, 1, in.Version)
	c, list, err := r.Case(t.Context(), r.navigator, in.CaseID)
	require.NoError(t, err)
	want := ana()
	want.Phone, want.PostalCode, want.Language = "+17055550123", "K9J 1A1", "en"
	assert.Equal(t, want, c.CaseInput)
	require.Len(t, list, 1)
	assert.Equal(t, "canary in the details", list[0].Details)
	assert.Equal(t, "Noor", list[0].OwnerName)
	assert.Equal(t, referral.Send, list[0].Step.Do)
	assert.Equal(t, "draft", list[0].Offers[0].TaskStatus)
	assert.Equal(t, []string{"start"}, all[string](r, `SELECT kind FROM outbox`))
}

func TestADraftStartsNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	in := r.draft(r.services[0])
	assert.Equal(t, referral.Draft, in.State)
	assert.Equal(t, referral.FinishDraft, r.referral(in.ReferralID).Step.Do)
	assert.Zero(t, one[int](r, `SELECT count(*) FROM outbox`))
	assert.Zero(t, one[int](r, `SELECT count(*) FROM consents`))
}

// Names are kept as they are spelled.
func TestNamesAreKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, name := range []string{"Ana-María O’Neill-Ó Súilleabháin", "ᓄᓇᕗᑦ ᐃᓄᒃᑎᑐᑦ", "Madonna", "👩‍👩‍👧 Lee", "O'Brien; DROP TABLE cases", "李小龍",
		"محمد علي", "نیک\u200cنام", "👩‍👩‍👧", "김민준", "X\u0301", "Kʼwa", "ක්\u200dරි", "X Æ A-12", "Nguyễn Thị Minh Khai", long(200)} {
		c, err := r.OpenCase(t.Context(), r.navigator, casework.CaseInput{Name: name}, nil)
		require.NoError(t, err)
		kept, _, err := r.Case(t.Context(), r.navigator, c.ID)
		require.NoError(t, err)
		assert.Equal(t, name, kept.Name)
		assert.False(t, kept.Anonymous)
	}
}

func TestWhatIsTidied(t *testing.T) {
	t.Parallel()
	r := open(t)
	for name, c := range map[string]struct{ in, want casework.CaseInput }{
		"nobody is anonymous":        {casework.CaseInput{}, casework.CaseInput{Anonymous: true}},
		"only spaces":                {casework.CaseInput{Name: " \t\n"}, casework.CaseInput{Anonymous: true}},
		"only direction marks":       {casework.CaseInput{Name: "\u202e\u2066\u2069"}, casework.CaseInput{Anonymous: true}},
		"direction marks in a name":  {casework.CaseInput{Name: "Ana\u202e yranaC\u202c"}, casework.CaseInput{Name: "Ana yranaC"}},
		"only what nobody sees":      {casework.CaseInput{Name: "\u200b\u2060\ufeff\u00ad\u3164\u2800", Notes: "\u200b"}, casework.CaseInput{Anonymous: true}},
		"lines and bells in a name":  {casework.CaseInput{Name: "Ana\t\a\x1b\u2028Canary\x7f"}, casework.CaseInput{Name: "Ana  Canary"}},
		"a town on two lines":        {casework.CaseInput{Municipality: "Trent\r\nLakes"}, casework.CaseInput{Anonymous: true, Municipality: "Trent Lakes"}},
		"lines in the notes":         {casework.CaseInput{Notes: "after five\r\n\tor on Sunday"}, casework.CaseInput{Anonymous: true, Notes: "after five\r\n\tor on Sunday"}},
		"spaces round a name":        {casework.CaseInput{Name: "  Ana "}, casework.CaseInput{Name: "Ana"}},
		"phone with punctuation":     {casework.CaseInput{Phone: "(705) 555-0123"}, casework.CaseInput{Anonymous: true, Phone: "+17055550123"}},
		"phone with country":         {casework.CaseInput{Phone: "+1 705 555 0123"}, casework.CaseInput{Anonymous: true, Phone: "+17055550123"}},
		"phone with extension":       {casework.CaseInput{Phone: "705-555-0123 ext. 45"}, casework.CaseInput{Anonymous: true, Phone: "+17055550123;ext=45"}},
		"phone with a poste":         {casework.CaseInput{Phone: "514 555 0142 poste 12"}, casework.CaseInput{Anonymous: true, Phone: "+15145550142;ext=12"}},
		"phone, poste and comma":     {casework.CaseInput{Phone: "514 555-0142, POSTE 12"}, casework.CaseInput{Anonymous: true, Phone: "+15145550142;ext=12"}},
		"phone with a p.":            {casework.CaseInput{Phone: "(514) 555-0142 p. 7"}, casework.CaseInput{Anonymous: true, Phone: "+15145550142;ext=7"}},
		"phone in letters":           {casework.CaseInput{Phone: "1-800-555-HELP"}, casework.CaseInput{Anonymous: true, Phone: "+18005554357"}},
		"phone abroad":               {casework.CaseInput{Phone: "+33 1 23 45 67 89"}, casework.CaseInput{Anonymous: true, Phone: "+33123456789"}},
		"postal code in small":       {casework.CaseInput{PostalCode: "k1a0b1"}, casework.CaseInput{Anonymous: true, PostalCode: "K1A 0B1"}},
		"postal code with a dash":    {casework.CaseInput{PostalCode: "K1A-0B1"}, casework.CaseInput{Anonymous: true, PostalCode: "K1A 0B1"}},
		"birth year of an old woman": {casework.CaseInput{BirthYear: 1900}, casework.CaseInput{Anonymous: true, BirthYear: 1900}},
		"born this year":             {casework.CaseInput{BirthYear: 2026}, casework.CaseInput{Anonymous: true, BirthYear: 2026}},
		"a tagged address":           {casework.CaseInput{Email: "ana+211@mail.example.org"}, casework.CaseInput{Anonymous: true, Email: "ana+211@mail.example.org"}},
		"a language":                 {casework.CaseInput{Language: "IU-cans-ca"}, casework.CaseInput{Anonymous: true, Language: "iu-Cans-CA"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := r.OpenCase(t.Context(), r.navigator, c.in, nil)
			require.NoError(t, err)
			if c.want.Language == "" {
				c.want.Language = "en"
			}
			assert.Equal(t, c.want, got.CaseInput)
		})
	}
}

func TestBadDetailsAreRefusedByField(t *testing.T) {
	t.Parallel()
	r := open(t)
	before := r.contents()
	for name, c := range map[string]struct {
		in    casework.CaseInput
		field string
	}{
		"NUL":                         {casework.CaseInput{Name: "Ana\x00Canary"}, "name"},
		"NUL in the notes":            {casework.CaseInput{Notes: "\x00"}, "notes"},
		"not UTF-8":                   {casework.CaseInput{Name: "Ana \xff\xfe Canary"}, "name"},
		"half a rune":                 {casework.CaseInput{Municipality: "Montr\xc3"}, "municipality"},
		"10,000 characters":           {casework.CaseInput{Name: long(10_000)}, "name"},
		"one too many":                {casework.CaseInput{Name: long(201)}, "name"},
		"notes beyond bounds":         {casework.CaseInput{Notes: long(10_001)}, "notes"},
		"a named anonymous":           {casework.CaseInput{Anonymous: true, Name: "Ana Canary"}, "name"},
		"words for a phone":           {casework.CaseInput{Phone: "call my sister"}, "phone"},
		"half a phone":                {casework.CaseInput{Phone: "705 555"}, "phone"},
		"a phone without an area":     {casework.CaseInput{Phone: "555-0123"}, "phone"},
		"too long a phone":            {casework.CaseInput{Phone: "705 555 0123 4567 8901"}, "phone"},
		"US ZIP":                      {casework.CaseInput{PostalCode: "90210"}, "postal_code"},
		"postal code with D":          {casework.CaseInput{PostalCode: "D1A 0B1"}, "postal_code"},
		"half a postal code":          {casework.CaseInput{PostalCode: "K1A"}, "postal_code"},
		"born in 1850":                {casework.CaseInput{BirthYear: 1850}, "birth_year"},
		"born in 2031":                {casework.CaseInput{BirthYear: 2031}, "birth_year"},
		"born before counting":        {casework.CaseInput{BirthYear: -5}, "birth_year"},
		"address without a domain":    {casework.CaseInput{Email: "ana"}, "email"},
		"address of this machine":     {casework.CaseInput{Email: "ana@b"}, "email"},
		"address with a name":         {casework.CaseInput{Email: "Ana <ana@example.org>"}, "email"},
		"two addresses":               {casework.CaseInput{Email: "a@example.org, b@example.org"}, "email"},
		"an address that adds a line": {casework.CaseInput{Email: "ana@example.org\r\nBcc: all@example.org"}, "email"},
		"no language":                 {casework.CaseInput{Language: "gibberish!"}, "language"},
		"a language of one's own":     {casework.CaseInput{Language: "x-zyta"}, "language"},
		"words behind a language":     {casework.CaseInput{Language: "en-x-okapi"}, "language"},
		"words in an extension":       {casework.CaseInput{Language: "fr-t-en-m0-okapi"}, "language"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.OpenCase(t.Context(), r.navigator, c.in, nil)
			refused(t, err, referral.CodeInvalid, c.field)
			_, err = r.Intake(t.Context(), r.navigator, casework.IntakeInput{Case: c.in, Referral: food(r.services[0])}, nil)
			refused(t, err, referral.CodeInvalid, "case."+c.field)
		})
	}
	assert.Equal(t, before, r.contents())
}

func TestBadReferralsAreRefusedByField(t *testing.T) {
	t.Parallel()
	r := open(t)
	with := func(column, value string) uuid.UUID {
		id := r.service(column, "en", "x@"+column+".example")
		r.exec(`UPDATE services SET `+column+` = $2 WHERE id = $1`, id, value)
		return id
	}
	full, shut := with("full_until", "2026-12-01"), with("closed_until", "2026-12-01")
	inactive, closed, refuses := with("status", "inactive"), with("status", "temporarily closed"), with("accepts_referrals", "false")
	many := make([]uuid.UUID, referral.MaxOffers+1)
	for i := range many {
		many[i] = uuid.New()
	}
	before := r.contents()
	for name, c := range map[string]struct {
		change func(*casework.ReferralInput)
		code   referral.Code
		field  string
	}{
		"no need":            {func(in *casework.ReferralInput) { in.Need = "" }, referral.CodeInvalid, "need"},
		"unknown need":       {func(in *casework.ReferralInput) { in.Need = "canary" }, referral.CodeInvalid, "need"},
		"unknown urgency":    {func(in *casework.ReferralInput) { in.Urgency = "now" }, referral.CodeInvalid, "urgency"},
		"no service":         {func(in *casework.ReferralInput) { in.ServiceIDs = nil }, referral.CodeInvalid, "service_ids"},
		"eleven services":    {func(in *casework.ReferralInput) { in.ServiceIDs = many }, referral.CodeInvalid, "service_ids"},
		"one twice":          {func(in *casework.ReferralInput) { in.ServiceIDs = []uuid.UUID{r.services[0], r.services[0]} }, referral.CodeInvalid, "service_ids"},
		"unknown service":    {func(in *casework.ReferralInput) { in.ServiceIDs = append(in.ServiceIDs[:1:1], many[0]) }, referral.CodeNotFound, "service_ids.1"},
		"full service":       {func(in *casework.ReferralInput) { in.ServiceIDs = []uuid.UUID{full} }, referral.CodeInvalid, "service_ids.0"},
		"closed for a while": {func(in *casework.ReferralInput) { in.ServiceIDs = []uuid.UUID{shut} }, referral.CodeInvalid, "service_ids.0"},
		"closed service":     {func(in *casework.ReferralInput) { in.ServiceIDs = []uuid.UUID{closed} }, referral.CodeInvalid, "service_ids.0"},
		"inactive service":   {func(in *casework.ReferralInput) { in.ServiceIDs = []uuid.UUID{r.services[0], inactive} }, referral.CodeInvalid, "service_ids.1"},
		"takes no referrals": {func(in *casework.ReferralInput) { in.ServiceIDs = []uuid.UUID{refuses} }, referral.CodeInvalid, "service_ids.0"},
		"consent by pigeon":  {func(in *casework.ReferralInput) { in.Consent.How = "pigeon" }, referral.CodeInvalid, "consent.how"},
		"consent of no way":  {func(in *casework.ReferralInput) { in.Consent.How = "" }, referral.CodeInvalid, "consent.how"},
		"an unknown script":  {func(in *casework.ReferralInput) { in.Consent.Script = "she told us of her sister" }, referral.CodeInvalid, "consent.script"},
		"a coming script":    {func(in *casework.ReferralInput) { in.Consent.Script = "2099-01" }, referral.CodeInvalid, "consent.script"},
		"details too long":   {func(in *casework.ReferralInput) { in.Details = long(10_001) }, referral.CodeInvalid, "details"},
		"NUL in the details": {func(in *casework.ReferralInput) { in.Details = "a\x00" }, referral.CodeInvalid, "details"},
		"unknown former one": {func(in *casework.ReferralInput) { in.EpisodeOf = uuid.New() }, referral.CodeNotFound, "episode_of"},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.in(t)
			in := food(r.services[0])
			c.change(&in)
			_, err := r.Intake(t.Context(), r.navigator, casework.IntakeInput{Case: ana(), Referral: in}, nil)
			refused(t, err, c.code, c.field)
			assert.Equal(t, before, r.contents(), "half an intake is none")
		})
	}

	r.clock.Set(time.Date(2026, 12, 2, 15, 0, 0, 0, time.UTC))
	r.intake(full, shut)
}

func TestReferNeedsACase(t *testing.T) {
	t.Parallel()
	r := open(t)
	for _, consent := range []casework.ConsentInput{agreed(), {}} {
		in := food(r.services[0])
		in.CaseID, in.Consent = uuid.New(), consent
		_, err := r.Refer(t.Context(), r.navigator, in, nil)
		refused(t, err, referral.CodeNotFound, "case_id")
	}
	assert.Zero(t, one[int](r, `SELECT count(*) FROM consents`))
}

// A navigator on the phone, or a program, should not be sent back field by field.
func TestEveryWrongFieldIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	before := r.contents()
	in := casework.IntakeInput{Case: casework.CaseInput{Name: "Ana\x00Canary", Phone: "12", Email: "ana", PostalCode: "90210", BirthYear: 1850,
		Language: "gibberish!", Notes: long(10_001)},
		Referral: casework.ReferralInput{Need: "canary", Urgency: "now", Details: long(10_001), Consent: casework.ConsentInput{Given: true, How: "pigeon"}}}
	_, err := r.Intake(t.Context(), r.navigator, in, nil)
	fields := []string{}
	for _, e := range referral.All(err) {
		assert.Equal(t, referral.CodeInvalid, e.Code)
		fields = append(fields, e.Field)
	}
	assert.ElementsMatch(t, []string{"case.name", "case.phone", "case.email", "case.postal_code", "case.birth_year", "case.language",
		"case.notes", "need", "urgency", "details", "service_ids", "consent.how"}, fields)
	_, err = r.OpenCase(t.Context(), r.navigator, in.Case, nil)
	assert.Len(t, referral.All(err), 7)
	assert.Len(t, referral.All(in.Referral.Check()), 5)
	assert.Equal(t, before, r.contents())
	_, err = r.Do(t.Context(), r.navigator, r.intake(r.services[0]).ReferralID, casework.CommandInput{Do: referral.Ask}, nil)
	assert.Len(t, referral.All(err), 2, "who said so, and what")
}

package mail_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"throughline/locale"
	"throughline/mail"
)

var update = flag.Bool("update", false, "write testdata from what is rendered now")

const agencyLink = "https://refer.helpline.example/r/0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

func anOffer(t *testing.T) mail.OfferMail {
	return mail.OfferMail{
		Service: "Emergency Food Hampers", Agency: "Kawartha Pantry & Kitchen", Need: "need.food",
		ReplyBy: time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC), Zone: zone(t, "America/Toronto"),
		Link: agencyLink, Reference: "K7-Q2M", HelplineName: "211 Central East", HelplinePhone: "705-555-0111",
	}
}

type example struct {
	name string
	kind mail.Kind
	data mail.OfferMail
}

// examples are all messages, with each variation of their words.
func examples(t *testing.T) []example {
	urgent, bare := anOffer(t), anOffer(t)
	urgent.Urgent = true
	bare.Agency, bare.Need, bare.Reference, bare.HelplinePhone, bare.ReplyBy = "", "", "", "", time.Time{}
	all := []example{
		{"offer", mail.KindOffer, anOffer(t)}, {"offer_urgent", mail.KindOffer, urgent}, {"offer_bare", mail.KindOffer, bare},
		{"reminder", mail.KindReminder, anOffer(t)}, {"reminder_urgent", mail.KindReminder, urgent},
		{"answered", mail.KindAnswered, anOffer(t)}, {"withdrawn", mail.KindWithdrawn, anOffer(t)},
		{"narrowed", mail.KindNarrowed, anOffer(t)}, {"link", mail.KindLink, anOffer(t)},
	}
	for _, q := range mail.Questions {
		d := anOffer(t)
		d.Question = q
		all = append(all, example{"ask_" + string(q), mail.KindAsk, d})
	}
	for _, a := range mail.Answers {
		d := anOffer(t)
		d.Answer = a
		all = append(all, example{"receipt_" + a, mail.KindReceipt, d})
	}
	return all
}

func TestMessagesReadAsRecorded(t *testing.T) {
	t.Parallel()
	recorded := map[mail.Kind]bool{}
	for _, e := range examples(t) {
		recorded[e.kind] = true
		for _, lang := range locale.Languages {
			r, err := mail.Render(e.kind, lang, e.data)
			require.NoError(t, err, e.name)
			for ending, got := range map[string]string{"txt": "Subject: " + r.Subject + "\n\n" + r.Text, "html": r.HTML} {
				path := filepath.Join("testdata", e.name+"."+lang+"."+ending)
				if *update {
					require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, string(want), got, "%s: if the change is meant, run go test ./mail -update", path)
			}
		}
	}
	assert.Len(t, recorded, len(mail.Kinds), "each message is recorded")
}

func TestMessagesAreWellFormedInTheirLanguage(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		for _, lang := range locale.Languages {
			r, err := mail.Render(e.kind, lang, e.data)
			require.NoError(t, err)
			links := 1
			if e.kind == mail.KindWithdrawn {
				links = 0
			}
			page := readPage(t, r.HTML)
			assert.Equal(t, lang, page.langs[0], e.name)
			assert.Len(t, page.langs, 2, "the line in the other language says so")
			assert.NotEqual(t, lang, page.langs[1])
			assert.Equal(t, 1, page.headings)
			assert.Len(t, page.hrefs, links, e.name)
			for _, href := range page.hrefs {
				assert.Equal(t, agencyLink, href)
			}
			assert.Equal(t, links, strings.Count(r.Text, agencyLink), "the text has the link once")
			for _, words := range []string{r.Subject, r.Text, r.HTML} {
				assert.NotContains(t, words, "[mail.", "a text is missing")
				assert.NotContains(t, words, "<no value>")
			}
			assert.NotContains(t, r.Subject, agencyLink)
		}
	}
}

type page struct {
	langs, hrefs []string
	headings     int
}

func readPage(t *testing.T, html string) page {
	t.Helper()
	var p page
	for d := xml.NewDecoder(strings.NewReader(html)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return p
		}
		require.NoError(t, err, "not well-formed")
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if element.Name.Local == "h1" {
			p.headings++
		}
		for _, a := range element.Attr {
			switch a.Name.Local {
			case "lang":
				p.langs = append(p.langs, a.Value)
			case "href":
				p.hrefs = append(p.hrefs, a.Value)
			}
		}
	}
}

// A new field is a decision: can it ever hold something about the client? Then it may not be here.
func TestNoFieldCanHoldPersonalData(t *testing.T) {
	t.Parallel()
	var fields []string
	for field := range reflect.TypeFor[mail.OfferMail]().Fields() {
		fields = append(fields, field.Name)
	}
	assert.Equal(t, []string{
		"Service", "Agency", "Need", "Urgent", "ReplyBy", "Zone", "Link", "Reference", "Question", "Answer",
		"HelplineName", "HelplinePhone",
	}, fields)
}

func TestTimesReadAsInEachLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at     string
		zone   string
		en, fr string
	}{
		{"2026-11-24T15:00:00Z", "America/Toronto", "Tuesday, November 24, 2026, 10:00 a.m. EST", "le mardi 24 novembre 2026 à 10 h HNE"},
		{"2026-07-01T16:05:00Z", "America/Toronto", "Wednesday, July 1, 2026, 12:05 p.m. EDT", "le mercredi 1er juillet 2026 à 12 h 05 HAE"},
		{"2026-07-02T04:30:00Z", "America/Toronto", "Thursday, July 2, 2026, 12:30 a.m. EDT", "le jeudi 2 juillet 2026 à 0 h 30 HAE"},
		{"2026-12-31T22:45:00Z", "America/Winnipeg", "Thursday, December 31, 2026, 4:45 p.m. CST", "le jeudi 31 décembre 2026 à 16 h 45 HNC"},
		{"2026-08-03T15:00:00Z", "America/Winnipeg", "Monday, August 3, 2026, 10:00 a.m. CDT", "le lundi 3 août 2026 à 10 h HAC"},
		// The hour that comes twice is told apart by its zone.
		{"2026-11-01T05:30:00Z", "America/Toronto", "Sunday, November 1, 2026, 1:30 a.m. EDT", "le dimanche 1er novembre 2026 à 1 h 30 HAE"},
		{"2026-11-01T06:30:00Z", "America/Toronto", "Sunday, November 1, 2026, 1:30 a.m. EST", "le dimanche 1er novembre 2026 à 1 h 30 HNE"},
		{"2026-02-28T15:00:00Z", "UTC", "Saturday, February 28, 2026, 3:00 p.m. UTC", "le samedi 28 février 2026 à 15 h UTC"},
	} {
		d := anOffer(t)
		at, err := time.Parse(time.RFC3339, c.at)
		require.NoError(t, err)
		d.ReplyBy, d.Zone = at, zone(t, c.zone)
		for lang, want := range map[string]string{"en": c.en, "fr": c.fr} {
			r, err := mail.Render(mail.KindOffer, lang, d)
			require.NoError(t, err)
			assert.Contains(t, strings.ReplaceAll(r.Text, "\u00a0", " "), want)
		}
	}
	d := anOffer(t)
	d.ReplyBy, d.Zone = d.ReplyBy.In(zone(t, "America/Winnipeg")), nil
	r, err := mail.Render(mail.KindOffer, "en", d)
	require.NoError(t, err)
	assert.Contains(t, r.Text, "a.m. CST", "without a zone, the time's own")
}

// Directories hold names with line breaks, tags and text that turns the reading direction round.
func TestNamesFromADirectoryStayText(t *testing.T) {
	t.Parallel()
	d := anOffer(t)
	d.Service = "Meals\r\nBcc: all@agency.example <script>alert(1)</script> {{.Link}} \u202egnihtyna\u202c"
	r, err := mail.Render(mail.KindOffer, "en", d)
	require.NoError(t, err)
	assert.Equal(t, "New referral for Meals Bcc: all@agency.example <script>alert(1)</script> {{.Link}} gnihtyna [K7-Q2M]", r.Subject)
	assert.NotContains(t, r.HTML, "<script>")
	assert.Contains(t, r.HTML, "&lt;script&gt;")
	assert.Len(t, readPage(t, r.HTML).hrefs, 1)

	d.Service = strings.Repeat("é", 500)
	r, err = mail.Render(mail.KindOffer, "fr", d)
	require.NoError(t, err)
	assert.Len(t, []rune(r.Subject), 150+len(" [K7-Q2M]"))
	assert.True(t, strings.HasSuffix(r.Subject, "… [K7-Q2M]"), "the reference stays in sight")
}

func TestARenderedMessageCanBeSent(t *testing.T) {
	t.Parallel()
	for _, e := range examples(t) {
		for _, lang := range locale.Languages {
			e.data.Service = "Two\nlines"
			r, err := mail.Render(e.kind, lang, e.data)
			require.NoError(t, err)
			m := aMessage()
			m.Subject, m.Text, m.HTML = r.Subject, r.Text, r.HTML
			assert.NoError(t, m.Check(), e.name)
		}
	}
}

func TestNoMessageIsMadeOfBadData(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind  mail.Kind
		lang  string
		spoil func(*mail.OfferMail)
	}{
		"unknown kind":              {"invoice", "en", func(d *mail.OfferMail) {}},
		"unknown language":          {mail.KindOffer, "de", func(d *mail.OfferMail) {}},
		"no service":                {mail.KindOffer, "en", func(d *mail.OfferMail) { d.Service = " \n" }},
		"no helpline":               {mail.KindWithdrawn, "en", func(d *mail.OfferMail) { d.HelplineName = "" }},
		"no link":                   {mail.KindOffer, "en", func(d *mail.OfferMail) { d.Link = "" }},
		"a link without a host":     {mail.KindLink, "en", func(d *mail.OfferMail) { d.Link = "/r/secret-token" }},
		"a script for a link":       {mail.KindOffer, "en", func(d *mail.OfferMail) { d.Link = "javascript:alert('secret-token')" }},
		"a link over two lines":     {mail.KindOffer, "en", func(d *mail.OfferMail) { d.Link = "https://x.example/r/secret-token\n" }},
		"unknown need":              {mail.KindOffer, "en", func(d *mail.OfferMail) { d.Need = "need.yacht" }},
		"nothing to ask":            {mail.KindAsk, "en", func(d *mail.OfferMail) {}},
		"no answer to confirm":      {mail.KindReceipt, "en", func(d *mail.OfferMail) {}},
		"an answer no one can give": {mail.KindReceipt, "en", func(d *mail.OfferMail) { d.Answer = "lapsed" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := anOffer(t)
			c.spoil(&d)
			_, err := mail.Render(c.kind, c.lang, d)
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "secret-token")
		})
	}
}

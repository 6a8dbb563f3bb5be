package directory

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"throughline/db"
	"throughline/referral"
)

// Query is what a navigator looks for. All of it may be empty.
type Query struct {
	Text   string // words, "phrases", -without, or: in either language, with or without accents
	Lang   string // "en" or "fr": the language of Text and of the answer; anything else is "en"
	Need   string // one of referral.Needs: ranks services for it first, and alone (no Text) lists only those
	Near   string // a municipality or a postal code; one the directory has no location in leaves distances nil
	Limit  int    // 20 when zero, at most 100
	Offset int
}

// Found is a service with why it stands where it does.
type Found struct {
	Service    Service  // without its lists; Get has them
	AgencyName string   // "" when the directory knows none
	Rank       float64  // higher is better; comparable within one search only
	Distance   *float64 // kilometres in a straight line to the nearest location; nil: unknown or nothing asked
	Reasons    []string // codes, see Rank

	facts facts
}

// Search finds services that are not inactive or defunct, best first, and how many there are in all. When no service
// has all the words, those with any of them are found. Errors: CodeInvalid with Field "need" for an unknown kind of help.
func Search(ctx context.Context, q sqlx.QueryerContext, query Query) ([]Found, int, error) {
	if query.Need != "" && !slices.Contains(referral.Needs, query.Need) {
		return nil, 0, referral.Invalid("need", "no kind of help we know")
	}
	if query.Lang != "fr" {
		query.Lang = "en"
	}
	near, err := findPlace(ctx, q, query.Near)
	if err != nil {
		return nil, 0, err
	}
	text := newSearchText(query.Text)
	found, err := candidates(ctx, q, query, text, near)
	if err == nil && len(found) == 0 && text.any != "" {
		text.all, text.head, text.last = text.any, "", ""
		found, err = candidates(ctx, q, query, text, near)
	}
	if err != nil {
		return nil, 0, err
	}
	found = Rank(found, query.Need, time.Now())
	total := len(found)
	limit := query.Limit
	if limit <= 0 {
		limit = 20
	}
	from := min(max(query.Offset, 0), total)
	found = found[from:min(from+min(limit, 100), total)]
	return found, total, fillServices(ctx, q, found, query.Lang)
}

// searchText is what was typed, in the forms a query needs. A word still being typed counts as the beginning of one.
type searchText struct {
	all, head, last string
	any             string // the words joined by "or"; empty when there is one word or an operator
}

const maxSearchRunes = 200

var (
	searchWord     = regexp.MustCompile(`[\p{L}\p{N}]+`)
	searchOperator = regexp.MustCompile(`"|(^|\s)-|\sor\s`)
)

func newSearchText(typed string) searchText {
	typed = fold(dropControls(strings.ToValidUTF8(typed, "")))
	if r := []rune(typed); len(r) > maxSearchRunes {
		typed = string(r[:maxSearchRunes])
	}
	typed = strings.Join(strings.Fields(typed), " ")
	t := searchText{all: typed}
	found := searchWord.FindAllString(typed, -1)
	if len(found) == 0 || searchOperator.MatchString(typed) {
		return t
	}
	t.last = found[len(found)-1]
	t.head = strings.Join(found[:len(found)-1], " ")
	if len([]rune(t.last)) < 3 {
		t.last = ""
	}
	if len(found) > 1 {
		t.any = strings.Join(found, " or ")
	}
	return t
}

var textConfig = map[string]string{"en": "english", "fr": "french"}

// otherLanguage is the weight of a match in the language that was not asked for.
const otherLanguage = 0.5

// candidates reads what ranking needs about every service that matches, and nothing more.
func candidates(ctx context.Context, q sqlx.QueryerContext, query Query, text searchText, near *place) ([]Found, error) {
	own, other := query.Lang, "fr"
	if own == "fr" {
		other = "en"
	}
	sql := fmt.Sprintf(`
		WITH typed AS MATERIALIZED (
			SELECT %[3]s AS own, %[4]s AS other
		)
		SELECT s.id, s.name, s.status, s.accepts_referrals, s.full_until, s.closed_until, s.needs, s.agency_id IS NOT NULL AS has_agency,
			reach.email <> '' AS has_email,
			greatest(ts_rank_cd('{0.05, 0.15, 0.4, 1}', s.search_%[1]s, typed.own, 1),
				%[5]g * ts_rank_cd('{0.05, 0.15, 0.4, 1}', s.search_%[2]s, typed.other, 1)) AS text_rank,
			ts_filter(s.search_%[1]s, '{a}') @@ typed.own OR ts_filter(s.search_%[2]s, '{a}') @@ typed.other AS matches_name
		FROM services s JOIN service_reach reach ON reach.id = s.id CROSS JOIN typed
		WHERE s.status IN ('active', 'temporarily closed')
			AND ($1 = '' OR s.search_%[1]s @@ typed.own OR s.search_%[2]s @@ typed.other)
			AND ($1 <> '' OR $4 = '' OR s.needs @> ARRAY[$4])`,
		own, other, tsquery(textConfig[own]), tsquery(textConfig[other]), otherLanguage)
	var rows []struct {
		ID               uuid.UUID
		Name, Status     string
		AcceptsReferrals bool       `db:"accepts_referrals"`
		FullUntil        *time.Time `db:"full_until"`
		ClosedUntil      *time.Time `db:"closed_until"`
		Needs            pq.StringArray
		HasAgency        bool    `db:"has_agency"`
		HasEmail         bool    `db:"has_email"`
		TextRank         float64 `db:"text_rank"`
		MatchesName      bool    `db:"matches_name"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, sql, text.all, text.head, text.last, query.Need); err != nil {
		return nil, fmt.Errorf("search services: %w", db.Translate(err))
	}
	ways, err := near.ways(ctx, q)
	if err != nil {
		return nil, err
	}
	found := make([]Found, len(rows))
	for i, r := range rows {
		way := ways[r.ID]
		found[i] = Found{Service: Service{ID: r.ID, Name: r.Name}, Distance: way.distance, facts: facts{
			asked: text.all != "", textRank: r.TextRank, matchesName: r.MatchesName && text.all != "", needs: r.Needs,
			closed: r.Status != "active", closedUntil: r.ClosedUntil, fullUntil: r.FullUntil, refuses: !r.AcceptsReferrals,
			noEmail: !r.HasEmail, noAgency: !r.HasAgency, near: near != nil, serves: way.serves, outside: way.outside}}
	}
	return found, nil
}

// tsquery reads $1 as a whole, or $2 with a word that begins with $3.
func tsquery(config string) string {
	return `websearch_to_tsquery('` + config + `', $1) || CASE WHEN $3 = '' THEN ''::tsquery
		WHEN $2 = '' THEN to_tsquery('simple', $3 || ':*')
		ELSE websearch_to_tsquery('` + config + `', $2) && to_tsquery('simple', $3 || ':*') END`
}

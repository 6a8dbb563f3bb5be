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

// Search finds services that are not inactive or defunct, best first, and how many there are in all. When few
// services have all the words, those with some of them follow. Errors: CodeInvalid with Field "need" for an unknown kind of help.
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
	found, err := candidates(ctx, q, query, newSearchText(query.Text), near)
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

// searchText is what was typed, in the forms a query needs.
type searchText struct {
	whole     string
	words     []string
	last      string // the last word, when it may still be being typed
	head      string // what stands before it
	mayBePart bool   // services with some of the words will do: there are several, and no "phrase", -without or or
}

const (
	maxSearchRunes = 200
	maxSearchWords = 12
)

var (
	searchWord     = regexp.MustCompile(`[\p{L}\p{N}]+`)
	searchOperator = regexp.MustCompile(`"|(^|\s)-|\sor\s`)
)

func newSearchText(typed string) searchText {
	typed = fold(dropControls(strings.ToValidUTF8(typed, "")))
	if r := []rune(typed); len(r) > maxSearchRunes {
		typed = string(r[:maxSearchRunes])
	}
	t := searchText{whole: strings.Join(strings.Fields(typed), " ")}
	all := searchWord.FindAllString(t.whole, -1)
	t.words = all[:min(len(all), maxSearchWords)]
	if len(all) == 0 || searchOperator.MatchString(t.whole) {
		return t
	}
	t.mayBePart = len(all) > 1
	if last := all[len(all)-1]; len([]rune(last)) >= 3 {
		t.last, t.head = last, strings.Join(all[:len(all)-1], " ")
	}
	return t
}

var textConfig = map[string]string{"en": "english", "fr": "french"}

// few services with all the words, and those with some of them are wanted too.
const few = 10

// candidates reads what ranking needs about every service that matches, and nothing more. A word counts for more the
// fewer services have it, and for half in the language that was not asked for; function words of either do not count.
func candidates(ctx context.Context, q sqlx.QueryerContext, query Query, text searchText, near *place) ([]Found, error) {
	own, other := query.Lang, "fr"
	if own == "fr" {
		other = "en"
	}
	sql := strings.NewReplacer("OWN", own, "OTHER", other, "QUERY_1", tsquery(textConfig[own]), "QUERY_2", tsquery(textConfig[other]),
		"CONFIG_1", textConfig[own], "CONFIG_2", textConfig[other]).Replace(candidatesSQL)
	var rows []candidate
	if err := sqlx.SelectContext(ctx, q, &rows, sql, text.whole, text.head, text.last, query.Need, pq.Array(text.words), text.mayBePart); err != nil {
		return nil, fmt.Errorf("search services: %w", db.Translate(err))
	}
	whole := 0
	for _, r := range rows {
		if r.MatchesAll {
			whole++
		}
	}
	if whole >= few {
		rows = slices.DeleteFunc(rows, func(r candidate) bool { return !r.MatchesAll })
	}
	ways, err := near.ways(ctx, q)
	if err != nil {
		return nil, err
	}
	found := make([]Found, len(rows))
	for i, r := range rows {
		way := ways[r.ID]
		found[i] = Found{Service: Service{ID: r.ID, Name: r.Name}, Distance: way.distance, facts: facts{
			asked: text.whole != "", partly: !r.MatchesAll, textRank: r.TextRank, matchesName: r.MatchesName && text.whole != "", needs: r.Needs,
			closed: r.Status != "active", closedUntil: r.ClosedUntil, fullUntil: r.FullUntil, refuses: !r.AcceptsReferrals,
			noEmail: !r.HasEmail, noAgency: !r.HasAgency, serves: way.serves, outside: way.outside}}
	}
	return found, nil
}

type candidate struct {
	ID               uuid.UUID
	Name, Status     string
	AcceptsReferrals bool       `db:"accepts_referrals"`
	FullUntil        *time.Time `db:"full_until"`
	ClosedUntil      *time.Time `db:"closed_until"`
	Needs            pq.StringArray
	HasAgency        bool    `db:"has_agency"`
	HasEmail         bool    `db:"has_email"`
	TextRank         float64 `db:"text_rank"`
	MatchesAll       bool    `db:"matches_all"`
	MatchesName      bool    `db:"matches_name"`
}

const candidatesSQL = `
	WITH typed AS MATERIALIZED (
		SELECT QUERY_1 AS own, QUERY_2 AS other
	), words AS MATERIALIZED (
		SELECT word, plainto_tsquery('CONFIG_1', word) || prefix AS own, plainto_tsquery('CONFIG_2', word) || prefix AS other
		FROM unnest($5::text[]) AS word
		CROSS JOIN LATERAL (SELECT CASE WHEN word = $3 THEN to_tsquery('simple', word || ':*') ELSE '' END AS prefix) p
		WHERE numnode(plainto_tsquery('CONFIG_1', word)) > 0 AND numnode(plainto_tsquery('CONFIG_2', word)) > 0
	), hits AS (
		SELECT s.id, greatest(ts_rank('{0.05, 0.15, 0.4, 1}', s.search_OWN, w.own, 1),
				0.5 * ts_rank('{0.05, 0.15, 0.4, 1}', s.search_OTHER, w.other, 1))
			* ln(1 + (SELECT count(*) FROM services)::float / count(*) OVER (PARTITION BY w.word)) AS weight
		FROM words w JOIN services s ON s.search_OWN @@ w.own OR s.search_OTHER @@ w.other
	), ranks AS (
		SELECT id, sum(weight) AS rank FROM hits GROUP BY id
	)
	SELECT s.id, s.name, s.status, s.accepts_referrals, s.full_until, s.closed_until, s.needs, s.agency_id IS NOT NULL AS has_agency,
		reach.email <> '' AS has_email, coalesce(r.rank, 0) AS text_rank, m.all AS matches_all,
		ts_filter(s.search_OWN, '{a}') @@ typed.own OR ts_filter(s.search_OTHER, '{a}') @@ typed.other AS matches_name
	FROM services s JOIN service_reach reach ON reach.id = s.id CROSS JOIN typed LEFT JOIN ranks r ON r.id = s.id
	CROSS JOIN LATERAL (SELECT $1 = '' OR s.search_OWN @@ typed.own OR s.search_OTHER @@ typed.other AS all) m
	WHERE s.status IN ('active', 'temporarily closed')
		AND (m.all OR $6 AND r.id IS NOT NULL)
		AND ($1 <> '' OR $4 = '' OR s.needs @> ARRAY[$4])`

// tsquery reads $1 as a whole, or $2 with a word that begins with $3.
func tsquery(config string) string {
	return `websearch_to_tsquery('` + config + `', $1) || CASE WHEN $3 = '' THEN ''::tsquery
		WHEN $2 = '' THEN to_tsquery('simple', $3 || ':*')
		ELSE websearch_to_tsquery('` + config + `', $2) && to_tsquery('simple', $3 || ':*') END`
}

package casework

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"throughline/db"
	"throughline/referral"
)

// How entries on who may come in, and for how long things are kept, begin to say what changed: codes follow, and never what
// somebody typed. The auditor's page has the words.
const (
	RoleChanged  = "role:"  // the former role and the new one; of someone invited the new one alone
	PlaceChanged = "place:" // region, partner or both; the region is the entry's WhyID, none for the whole organisation
	DaysChanged  = "days:"  // the kind, the former number of days and the new one
	CameBy       = "by:"    // the method
)

func roleChanged(from, to referral.Role) string { return RoleChanged + string(from) + "," + string(to) }

func daysChanged(k Kept, days int) string {
	return fmt.Sprintf("%s%s,%d,%d", DaysChanged, k.Kind, k.InForce, days)
}

// placeChanged says where someone works now; "" when that is where they did.
func placeChanged(was, is db.Account) (code string, region uuid.UUID) {
	var changed []string
	if idIn(was.Region) != idIn(is.Region) {
		changed, region = append(changed, "region"), idIn(is.Region)
	}
	if was.Partner != is.Partner {
		changed = append(changed, "partner")
	}
	if changed == nil {
		return "", uuid.Nil
	}
	return PlaceChanged + strings.Join(changed, ","), region
}

package referral

import (
	"errors"
	"fmt"
	"testing"
)

func TestErrorsAreKnownByTheirCode(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := fmt.Errorf("save referral: %w", &Error{Code: CodeUnavailable, Message: "try again later", Err: cause})
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrConflict) || !errors.Is(err, cause) || CodeOf(err) != CodeUnavailable {
		t.Errorf("%v is %s", err, CodeOf(err))
	}
	if got := err.Error(); got != "save referral: try again later: connection refused" {
		t.Errorf("it reads %q", got)
	}
	if CodeOf(cause) != CodeInternal {
		t.Errorf("an error of another kind is %s", CodeOf(cause))
	}
	named := Invalid("reason", "must be one of %d", 16)
	if !errors.Is(named, ErrInvalid) || !errors.Is(named, Invalid("reason", "")) || errors.Is(named, Invalid("outcome", "")) {
		t.Error("the field does not tell errors apart")
	}
	if got := named.Error(); got != "reason: must be one of 16" {
		t.Errorf("it reads %q", got)
	}
	if got := (&Error{Code: CodeStale}).Error(); got != "stale" {
		t.Errorf("it reads %q", got)
	}
}

func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	phone, year := Invalid("phone", "is not one"), Invalid("birth_year", "is not one")
	err := fmt.Errorf("open case: %w", errors.Join(phone, errors.Join(errors.New("another kind"), year)))
	if all := All(err); len(all) != 2 || all[0] != phone || all[1] != year {
		t.Errorf("found %v", all)
	}
	if all := All(Invalid("phone", "")); len(all) != 1 {
		t.Errorf("of a single fault found %v", all)
	}
	if all := All(errors.New("another kind")); all != nil || All(nil) != nil {
		t.Errorf("of none found %v", all)
	}
}

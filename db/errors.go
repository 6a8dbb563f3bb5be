package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"throughline/referral"
)

// OffTheGraph is the SQLSTATE our triggers raise for a move that the transition table does not declare.
const OffTheGraph pqerror.Code = "TL001"

// Translate turns what PostgreSQL says into our one error type:
//
//   - no rows: not_found
//   - unique or exclusion violation, a move off the graph, a lost race: conflict
//   - a value that a column, check or foreign key refuses, and text that PostgreSQL can't store: invalid
//   - the server gone, full, or out of connections: unavailable
//   - anything else of PostgreSQL's: internal
//
// Field is the column, or the constraint, that refused. The answer never holds a value of the row, which is why it does
// not wrap the driver's error. A *referral.Error, the context's end and errors of other origin come back unchanged.
func Translate(err error) error {
	if err == nil || errors.As(err, new(*referral.Error)) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return referral.NotFound("record")
	}
	if refused := pq.As(err); refused != nil {
		return answer(refused)
	}
	if connectionLost(err) {
		return &referral.Error{Code: referral.CodeUnavailable, Message: "the database can't be reached"}
	}
	return err
}

// errRunAgain lets InTx see through an answer that the transaction was only unlucky.
var errRunAgain = errors.New("try again")

func answer(refused *pq.Error) *referral.Error {
	field := refused.Column
	if field == "" {
		field = refused.Constraint
	}
	e := &referral.Error{Code: referral.CodeInternal, Field: field, Message: "the database refused (SQLSTATE " + string(refused.Code) + ")"}
	set := func(code referral.Code, message string) { e.Code, e.Message = code, message }
	switch refused.Code {
	case OffTheGraph:
		set(referral.CodeConflict, "that move is off the graph")
	case pqerror.UniqueViolation, pqerror.ExclusionViolation:
		set(referral.CodeConflict, "it exists already")
	case pqerror.NotNullViolation:
		set(referral.CodeInvalid, "a value is needed")
	case pqerror.CheckViolation:
		set(referral.CodeInvalid, "the value breaks a rule of the record")
	case pqerror.ForeignKeyViolation:
		set(referral.CodeInvalid, "it names something that does not exist, or is still in use")
	case pqerror.CharacterNotInRepertoire, pqerror.UntranslatableCharacter:
		set(referral.CodeInvalid, "the text holds characters that can't be stored")
	case pqerror.InvalidTextRepresentation, pqerror.StringDataRightTruncation, pqerror.NumericValueOutOfRange,
		pqerror.InvalidDatetimeFormat, pqerror.DatetimeFieldOverflow:
		set(referral.CodeInvalid, "the value has the wrong form")
	case pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected:
		set(referral.CodeConflict, "someone else changed it at the same moment")
		e.Err = errRunAgain
	case pqerror.LockNotAvailable:
		set(referral.CodeConflict, "someone else is changing it: try again")
	case pqerror.QueryCanceled, pqerror.AdminShutdown, pqerror.CrashShutdown, pqerror.CannotConnectNow, pqerror.ReadOnlySQLTransaction:
		set(referral.CodeUnavailable, "the database is busy, stopping or read-only: try again later")
	default:
		switch refused.Code.Class() {
		case pqerror.ClassConnectionException, pqerror.ClassInsufficientResources:
			set(referral.CodeUnavailable, "the database is out of reach or out of room: try again later")
		}
	}
	return e
}

// notConnected is what kept a connection from being made. Of a server that is too slow to greet lib/pq says so in a type
// that hides what is inside.
type notConnected struct{ error }

func (e notConnected) Unwrap() error { return e.error }

// connectionLost covers the ways the driver says that the server went away.
func connectionLost(err error) bool {
	return errors.As(err, new(notConnected)) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, new(*net.OpError))
}

package casework

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/ccojocar/zxcvbn-go"
	"github.com/google/uuid"

	"throughline/db"
	"throughline/directory"
	"throughline/internal/token"
	"throughline/referral"
)

// params are argon2id's: 19 MiB, two passes, one lane, the least that OWASP's Password Storage Cheat Sheet asks for.
var params = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// unknownHash is compared with when there is no such account, so that the answer takes as long.
var unknownHash = sync.OnceValues(func() (string, error) { return argon2id.CreateHash(token.New(), params) })

const (
	minPassword = 12 // characters
	maxPassword = 1000
	// minScore of zxcvbn, 0 to 4: it would take more than a hundred million guesses of someone who guesses cleverly, by
	// lists of passwords that were stolen, words, names, dates and keyboards.
	minScore = 3
	// judged is how much of a password is looked at: the time that takes grows with its square, and what has this much
	// strength in its beginning does not lose it.
	judged = 72
)

// french are words and keyboards that people here begin a password with, and that the library's English lists lack.
var french = []string{"motdepasse", "mot de passe", "azerty", "azertyuiop", "qsdfghjklm", "bonjour", "bienvenue", "soleil", "chouchou",
	"doudou", "loulou", "coucou", "printemps", "automne", "toronto", "ottawa", "sudbury", "ontario", "canada", "helpline", "throughline"}

// newPassword makes the digest of a password for an account. It refuses one that is short, or that would be guessed soon by
// someone who knows the person and where they work.
func (d *Desk) newPassword(ctx context.Context, password string, organisation uuid.UUID, email, name string) (string, error) {
	o, err := db.FindOrganisation(db.AsSystem(ctx), d.DB, organisation)
	if err != nil && referral.CodeOf(err) != referral.CodeNotFound { // whoever writes the account is refused
		return "", err
	}
	return hashPassword(password, email, name, o.Name)
}

func hashPassword(password string, about ...string) (string, error) {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return "", referral.Invalid("password", "must have %d characters or more", minPassword)
	}
	if guessable(password, about...) || stolen(password) {
		return "", referral.Invalid("password", "is easy to guess, or made of passwords that were stolen")
	}
	return argon2id.CreateHash(password, params)
}

func guessable(password string, about ...string) bool {
	words := slices.Clone(french)
	for _, text := range about {
		for _, form := range []string{strings.ToLower(text), directory.Fold(text)} { // as it is spelled, and without accents
			words = append(words, strings.FieldsFunc(form, func(r rune) bool { return strings.ContainsRune(" .,@-_+'’", r) })...)
		}
	}
	if runes := []rune(password); len(runes) > judged {
		password = string(runes[:judged])
	}
	return zxcvbn.PasswordStrength(password, words).Score < minScore
}

// renewed is a digest of a password by the parameters that are in force now; "" when the one that is kept is.
func renewed(password, hash string) (string, error) {
	kept, _, _, err := argon2id.DecodeHash(hash)
	if err != nil || *kept == *params {
		return "", err
	}
	return argon2id.CreateHash(password, params)
}

// matches compares a password with a digest. An account that no password opens takes as long to refuse.
func matches(password, hash string) (bool, error) {
	closed := !strings.HasPrefix(hash, "$argon2id$")
	if closed {
		var err error
		if hash, err = unknownHash(); err != nil {
			return false, err
		}
	}
	match, err := argon2id.ComparePasswordAndHash(password, hash)
	return match && !closed, err
}

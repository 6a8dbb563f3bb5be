package app

import (
	"throughline/internal/config"
	"throughline/mail"
)

// Sender makes the mail provider that a configuration names.
func Sender(m config.Mail) (mail.Sender, error) {
	if m.Provider == "smtp" {
		return mail.NewSMTP(mail.SMTPConfig{URL: m.SMTPURL})
	}
	return mail.NewSendGrid(mail.SendGridConfig{APIKey: m.SendGridKey, BaseURL: m.SendGridBaseURL}), nil
}

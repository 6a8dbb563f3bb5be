package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"throughline/activities/names"
)

// Chirp does nothing, by which a canary shows that activities run here.
func Chirp(context.Context) error { return nil }

// RegisterChirp gives it its pinned name.
func RegisterChirp(w worker.ActivityRegistry) {
	w.RegisterActivityWithOptions(Chirp, activity.RegisterOptions{Name: names.Chirp})
}

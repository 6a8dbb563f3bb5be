package activities

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"throughline/activities/names"
	"throughline/casework"
)

// House is what the duties of the house need of casework.
type House interface {
	Erase(ctx context.Context, id uuid.UUID, at time.Time) (w casework.Wait, erased uuid.UUID, err error)
	CarryExport(ctx context.Context, id uuid.UUID, at time.Time) (casework.Wait, error)
	Retain(ctx context.Context, organisation uuid.UUID, at time.Time) (casework.Wait, error)
}

// Duties carry on what is no referral's.
type Duties struct {
	House House
	Log   *slog.Logger
}

// Register gives each activity its pinned name.
func (d Duties) Register(w worker.ActivityRegistry) {
	for name, do := range map[string]func(context.Context, names.Duty) (names.Wait, error){
		names.Erase: d.Erase, names.CarryExport: d.CarryExport, names.Retain: d.Retain,
	} {
		w.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
}

// Erase carries an erasure on. The log keeps which case was erased, for whoever restores a backup from before.
func (d Duties) Erase(ctx context.Context, in names.Duty) (names.Wait, error) {
	w, erased, err := d.House.Erase(ctx, in.ID, in.At)
	if err == nil && erased != uuid.Nil {
		d.Log.Info("a case was erased", "case", erased, "erasure", in.ID)
	}
	return names.Wait(w), translate(err)
}

// CarryExport makes a client's export, and takes it away when its time is over.
func (d Duties) CarryExport(ctx context.Context, in names.Duty) (names.Wait, error) {
	w, err := d.House.CarryExport(ctx, in.ID, in.At)
	return names.Wait(w), translate(err)
}

// Retain does what an organisation's retention schedule says.
func (d Duties) Retain(ctx context.Context, in names.Duty) (names.Wait, error) {
	w, err := d.House.Retain(ctx, in.ID, in.At)
	return names.Wait(w), translate(err)
}

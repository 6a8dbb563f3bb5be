package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"throughline/casework"
)

// erase keeps the list of what was erased apart from backups, and erases again what a restored one brought back.
func erase(ctx context.Context, e *env, args []string) error {
	f := flags(e, "erase")
	list := f.Bool("list", false, "print every case that was erased, a line of JSON each: keep it apart from backups")
	again := f.String("again", "", "after a restore, before anything starts: erase what such a list names; - reads standard input")
	if err := parse(f, args); err != nil {
		return err
	}
	if *list == (*again != "") || f.NArg() > 0 {
		return usageError("wants --list, or --again FILE")
	}
	if *list {
		return listErased(ctx, e)
	}
	named, err := readErased(e, *again)
	if err != nil {
		return exitError{2, err}
	}
	d, err := e.standstill(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	done, kept, err := d.EraseAgain(ctx, machine(uuid.Nil), named)
	fmt.Fprintf(e.stdout, "%d cases are erased again, of %d that were named\n", done, len(named))
	for _, id := range kept {
		fmt.Fprintf(e.stdout, "case %s stays: a referral of it is open, or it is under hold\n", id)
	}
	if err == nil && len(kept) > 0 {
		err = fmt.Errorf("%d cases could not be erased again: see to each", len(kept))
	}
	return err
}

func listErased(ctx context.Context, e *env) error {
	d, err := e.desk(ctx)
	if err != nil {
		return err
	}
	defer d.DB.Close()
	list, err := d.ErasedCases(ctx, machine(uuid.Nil))
	if err != nil {
		return err
	}
	out := json.NewEncoder(e.stdout)
	for _, c := range list {
		if err := out.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

// readErased reads a list that --list printed. A line that is none is told by its number.
func readErased(e *env, path string) (list []casework.ErasedCase, err error) {
	from := io.NopCloser(e.stdin)
	if path != "-" {
		if from, err = os.Open(path); err != nil {
			return nil, errors.New("--again names a file that can't be read")
		}
	}
	defer from.Close()
	lines := bufio.NewScanner(from)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var c casework.ErasedCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil || c.Case == uuid.Nil {
			return nil, fmt.Errorf("line %d is not of such a list", n)
		}
		list = append(list, c)
	}
	return list, lines.Err()
}

//go:build unix

package lifetest

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	"throughline/workflows"
)

// Silent drops what the SDK has to say.
var Silent = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// MarshalHistory writes a history as JSON that people and ReadHistory can read.
func MarshalHistory(h *historypb.History) ([]byte, error) {
	return temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(h)
}

// ReadHistory reads a whole history.
func ReadHistory(raw []byte) (*historypb.History, error) {
	return client.HistoryFromJSON(bytes.NewReader(raw), client.HistoryJSONOptions{})
}

// Replay runs a workflow over a history, as a worker does that has lost its memory. The error says where the workflow
// would now do another thing than it did.
func Replay(h *historypb.History, story any) error {
	r := worker.NewWorkflowReplayer()
	if story == nil {
		workflows.Register(r)
	} else {
		r.RegisterWorkflowWithOptions(story, workflow.RegisterOptions{Name: workflows.ReferralType})
	}
	return r.ReplayWorkflowHistory(Silent, h)
}

// Cuts gives a history as a worker would have been handed it at each workflow task, the first task's first.
func Cuts(h *historypb.History) []*historypb.History {
	var cuts []*historypb.History
	for i, e := range h.Events {
		if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			cuts = append(cuts, &historypb.History{Events: slices.Clone(h.Events[:i+1])})
		}
	}
	return cuts
}

// base64Fields are the bytes of payloads in a history's JSON.
var base64Fields = regexp.MustCompile(`"(data|encoding)":\s*"[^"]*"`)

// Leaks finds canaries anywhere in a history, in payloads as they are and in the JSON that is kept of it.
func Leaks(h *historypb.History) ([]string, error) {
	found := map[string]bool{}
	look := func(text string) {
		text = strings.ToLower(text)
		for _, c := range Canaries {
			if strings.Contains(text, strings.ToLower(c)) {
				found[c] = true
			}
		}
	}
	raw, err := MarshalHistory(h)
	// Without what is base64 there, in which any four letters turn up by chance: it is looked at decoded, below.
	look(base64Fields.ReplaceAllString(string(raw), ""))
	err = errors.Join(err, protorange.Range(h.ProtoReflect(), func(p protopath.Values) error {
		switch v := p.Index(-1).Value.Interface().(type) {
		case string:
			look(v)
		case []byte:
			look(string(v))
		case protoreflect.MapKey:
			look(v.String())
		}
		return nil
	}))
	var leaks []string
	for c := range found {
		leaks = append(leaks, c)
	}
	slices.Sort(leaks)
	return leaks, err
}

// Events gathers a history from what a client reads.
func Events(it client.HistoryEventIterator) (*historypb.History, error) {
	h := &historypb.History{}
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			return nil, err
		}
		h.Events = append(h.Events, e)
	}
	if len(h.Events) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return h, nil
}

// Package payloads keeps what goes through Temporal unreadable to Temporal and to whoever has its database: the inputs,
// results, signals and failure messages of workflows are sealed before they leave the process.
package payloads

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"throughline/internal/seal"
)

const (
	encoding = "binary/encrypted" // what Temporal's own samples and UI call it
	keyName  = "encryption-key-id"
)

// Codec seals payloads with the key that wraps now, and opens those of every key that we have. What is not sealed passes
// as it is: histories of before have such payloads, and those of tests.
type Codec struct{ Keys *seal.Keyring }

// Encode seals payloads.
func (c Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	sealed := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		raw, err := proto.Marshal(p)
		if err != nil {
			return nil, errors.New("a payload can't be written")
		}
		kek, data, err := c.Keys.SealPayload(raw)
		if err != nil {
			return nil, fmt.Errorf("seal payload: %w", err)
		}
		sealed[i] = &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), keyName: []byte(kek)}, Data: data}
	}
	return sealed, nil
}

// Decode opens payloads.
func (c Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	open := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encoding {
			open[i] = p
			continue
		}
		raw, err := c.Keys.OpenPayload(string(p.GetMetadata()[keyName]), p.GetData())
		if err != nil {
			return nil, fmt.Errorf("open payload: %w", err)
		}
		open[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(raw, open[i]); err != nil {
			return nil, errors.New("a payload can't be read")
		}
	}
	return open, nil
}

// Seal makes a client, and the workers on it, seal what they send and open what they get.
func Seal(o *client.Options, keys *seal.Keyring) {
	o.DataConverter = Converter(keys)
	o.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: o.DataConverter, EncodeCommonAttributes: true})
}

// Converter seals and opens.
func Converter(keys *seal.Keyring) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), Codec{keys})
}

// Handler is Temporal's codec endpoint: it opens payloads for whoever is let through to it, and seals what they send.
func Handler(keys *seal.Keyring) http.Handler {
	return converter.NewPayloadCodecHTTPHandler(Codec{keys})
}

// OpenHistory opens every payload in a history, in its place.
func OpenHistory(h *historypb.History, keys *seal.Keyring) error {
	return proxy.VisitPayloads(context.Background(), h, proxy.VisitPayloadsOptions{SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, p []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return Codec{keys}.Decode(p)
		}})
}

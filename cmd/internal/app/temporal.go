package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"throughline/internal/config"
)

// LineToTemporal says to Temporal's client how it is spoken to: by TLS with a certificate of ours, with a key of the API, or in
// the open where neither is set.
func LineToTemporal(t config.Temporal) (client.Options, error) {
	p := envconfig.ClientConfigProfile{Address: t.Address, Namespace: t.Namespace, APIKey: t.APIKey}
	if t.TLS {
		p.TLS = &envconfig.ClientConfigTLS{ServerCACertPath: t.CAPath, ClientCertPath: t.CertPath, ClientKeyPath: t.KeyPath, ServerName: t.ServerName}
	}
	o, err := p.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return o, errors.New("temporal: the certificates that TEMPORAL_TLS_… name can't be used")
	}
	return o, nil
}

// ReachTemporal asks Temporal whether it takes work in our namespace. The error says what is missing and what to do.
func ReachTemporal(ctx context.Context, c client.Client, address, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := askNamespace(ctx, c, namespace)
	if missing := new(serviceerror.NamespaceNotFound); errors.As(err, &missing) {
		return fmt.Errorf("temporal: %s has no namespace %q: TEMPORAL_NAMESPACE names one that exists; "+
			"`temporal operator namespace create` makes one", address, namespace)
	}
	if err != nil {
		return fmt.Errorf("temporal: cannot reach %s: is it running? TEMPORAL_ADDRESS says where to look", address)
	}
	return nil
}

// askNamespace is how Temporal shows that it works: it has to read its own database for it.
func askNamespace(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}

// temporalDetail is what readiness says of Temporal; "" when all is well.
func temporalDetail(err error) string {
	if err == nil {
		return ""
	}
	if missing := new(serviceerror.NamespaceNotFound); errors.As(err, &missing) {
		return "has no such namespace as TEMPORAL_NAMESPACE says; intake and answers are still taken"
	}
	return "no answer; intake and answers are still taken"
}

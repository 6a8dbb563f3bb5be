//go:build unix

package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"throughline/internal/config"
)

// authority signs certificates, and leaves them in files.
type authority struct {
	t      *testing.T
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, folder: t.TempDir()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key, _ = a.write("ca", template)
	var err error
	raw, err := os.ReadFile(a.path("ca.pem"))
	require.NoError(t, err)
	block, _ := pem.Decode(raw)
	a.cert, err = x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.folder, name) }

// write signs a certificate, by itself when there is no authority yet.
func (a *authority) write(name string, template *x509.Certificate) (*ecdsa.PrivateKey, tls.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	require.NoError(a.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	certPEM, keyPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	require.NoError(a.t, os.WriteFile(a.path(name+".pem"), certPEM, 0o600))
	require.NoError(a.t, os.WriteFile(a.path(name+"-key.pem"), keyPEM, 0o600))
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	require.NoError(a.t, err)
	return key, pair
}

func (a *authority) leaf(name string) tls.Certificate {
	_, pair := a.write(name, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	return pair
}

// guarded puts TLS before Temporal, that lets in who has a certificate of the authority.
func (a *authority) guarded(to string) (address string) {
	a.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	l := tls.NewListener(listen(a.t), &tls.Config{Certificates: []tls.Certificate{a.leaf("temporal.example")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		NextProtos: []string{"h2"}})
	w := &wire{to: to}
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			carrying.Go(func() { w.carry(near) })
		}
	})
	a.t.Cleanup(func() { _ = l.Close(); w.sever(); carrying.Wait() })
	return l.Addr().(*net.TCPAddr).String()
}

func TestTemporalBehindTLS(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	ours, others := newAuthority(t), newAuthority(t)
	ours.leaf("throughline")
	others.leaf("throughline")
	plain := h.options.Temporal
	good := config.Temporal{Address: ours.guarded(plain.Address), Namespace: plain.Namespace, TLS: true, CAPath: ours.path("ca.pem"), ServerName: "temporal.example",
		CertPath: ours.path("throughline.pem"), KeyPath: ours.path("throughline-key.pem")}
	reach := func(change func(*config.Temporal)) error {
		line := good
		change(&line)
		o, err := LineToTemporal(line)
		require.NoError(t, err)
		c, err := client.NewLazyClient(o)
		require.NoError(t, err)
		defer c.Close()
		return ReachTemporal(t.Context(), c, line.Address, line.Namespace)
	}
	require.NoError(t, reach(func(*config.Temporal) {}))
	for name, change := range map[string]func(*config.Temporal){
		"in the open":           func(c *config.Temporal) { *c = config.Temporal{Address: c.Address, Namespace: c.Namespace} },
		"without a certificate": func(c *config.Temporal) { c.CertPath, c.KeyPath = "", "" },
		"with a stranger's": func(c *config.Temporal) {
			c.CertPath, c.KeyPath = others.path("throughline.pem"), others.path("throughline-key.pem")
		},
		"to another authority's":  func(c *config.Temporal) { c.CAPath = others.path("ca.pem") },
		"to another name":         func(c *config.Temporal) { c.ServerName = "elsewhere.example" },
		"with the machine's list": func(c *config.Temporal) { c.CAPath = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, reach(change))
		})
	}
	_, err := LineToTemporal(config.Temporal{TLS: true, CAPath: ours.path("gone.pem")})
	require.ErrorContains(t, err, "can't be used")
	require.NotContains(t, err.Error(), "gone.pem")
}

package temporal

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	// Registers the plugin that stores names.
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	schemas "go.temporal.io/server/schema/postgresql/v12"
	// Its namespace helper is plain SQL of Temporal's own interface, and works on PostgreSQL as well.
	namespaces "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/tools/common/schema"
	toolsql "go.temporal.io/server/tools/sql"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	clusterName = "active"
	// retention is how long a closed workflow can still be read; the record keeps its own timeline.
	retention = 30 * 24 * time.Hour
	// Each of the four services has a pool per store: together at most 4 × (20 + 6) of PostgreSQL's connections.
	mainConnections       = 20
	visibilityConnections = 6
)

// stores are the server's two databases.
type stores struct{ main, visibility *config.SQL }

func storesAt(postgresURL string) (stores, error) {
	u, err := url.Parse(postgresURL)
	if err != nil || u.Host == "" || u.User == nil {
		return stores{}, errors.New("the URL of PostgreSQL needs a host, a user and a password")
	}
	password, _ := u.User.Password()
	at := func(database string, connections int) *config.SQL {
		return &config.SQL{
			PluginName: postgresql.PluginName, DatabaseName: database,
			ConnectAddr: u.Host, ConnectProtocol: "tcp", User: u.User.Username(), Password: password,
			MaxConns: connections, MaxIdleConns: connections, MaxConnLifetime: time.Hour,
			ConnectAttributes: map[string]string{"sslmode": "disable"},
		}
	}
	return stores{main: at(Database, mainConnections), visibility: at(VisibilityDatabase, visibilityConnections)}, nil
}

// prepare brings both schemas up to this server's version and makes the namespace. Doing it again changes nothing.
func (s stores) prepare(namespace string, logger log.Logger) error {
	if err := upgrade(s.main, "postgresql/v12/temporal", schemas.Version, logger); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if err := upgrade(s.visibility, "postgresql/v12/visibility", schemas.VisibilityVersion, logger); err != nil {
		return fmt.Errorf("visibility schema: %w", err)
	}
	ns, err := namespaces.NewNamespaceConfig(clusterName, namespace, false, nil)
	if err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	ns.Detail.Config.Retention = durationpb.New(retention)
	return namespaces.CreateNamespaces(s.main, ns)
}

func upgrade(store *config.SQL, name, target string, logger log.Logger) error {
	conn, err := toolsql.NewConnection(store, logger)
	if err != nil {
		return err
	}
	defer conn.Close()
	version, err := conn.ReadSchemaVersion()
	if version == target && err == nil {
		return nil
	}
	// A database without the version table answers with an error: it is new.
	if err != nil || version == "" {
		if err := schema.NewSetupSchemaTask(conn, &schema.SetupConfig{InitialVersion: "0.0"}, logger).Run(); err != nil {
			return err
		}
	}
	return schema.NewUpdateSchemaTask(conn, &schema.UpdateConfig{SchemaName: name, TargetVersion: target}, logger).Run()
}

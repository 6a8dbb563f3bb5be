package temporal

import (
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
)

// shards can't change once the databases exist. Four are plenty for one process.
const shards = 4

func serverConfig(stores stores, ports ports) *config.Config {
	var c config.Config
	frontend := local(ports.frontend)
	c.Global.Membership.MaxJoinDuration = 30 * time.Second
	c.Global.Membership.BroadcastAddress = loopback
	c.Persistence.NumHistoryShards = shards
	c.Persistence.DefaultStore, c.Persistence.VisibilityStore = "main", "visibility"
	c.Persistence.DataStores = map[string]config.DataStore{"main": {SQL: stores.main}, "visibility": {SQL: stores.visibility}}
	c.ClusterMetadata = &cluster.Config{
		FailoverVersionIncrement: 10,
		MasterClusterName:        clusterName,
		CurrentClusterName:       clusterName,
		ClusterInformation: map[string]cluster.ClusterInformation{
			clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
		},
	}
	c.DCRedirectionPolicy.Policy = "noop"
	c.Archival.History.State, c.Archival.Visibility.State = "disabled", "disabled"
	c.NamespaceDefaults.Archival.History.State, c.NamespaceDefaults.Archival.Visibility.State = "disabled", "disabled"
	c.PublicClient.HostPort = frontend
	c.Services = map[string]config.Service{}
	for service, port := range ports.all() {
		var s config.Service
		s.RPC.GRPCPort, s.RPC.BindOnIP = port, loopback
		c.Services[string(service)] = s
	}
	return &c
}

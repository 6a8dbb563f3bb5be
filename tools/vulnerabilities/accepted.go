package main

// accepted are vulnerabilities that are known and stay for now, each with the reason. One that is not found any more is
// to be struck.
var accepted = map[string]string{
	"GO-2026-6505": "logs at info level which address traces go to: OpenTelemetry stays at the version that Temporal's server builds with, and its log is not ours",
	"GO-2026-6860": "slow on odd HTML, which only an import reads that an operator runs on a directory of their own choice: goes with the next change of libraries",
	"GO-2026-6865": "a panic while unpacking zstd, which nothing here asks for: goes with the next change of libraries",
	"GO-2026-6866": "about HTML that is written out by golang.org/x/net/html: we only read with it",
	"GO-2026-6872": "about Echo's default way to find the caller's address: ours trusts no header but from TRUSTED_PROXIES (server.callerAddress)",
	"GO-2026-6875": "about Echo's reverse proxy: we have none",
}

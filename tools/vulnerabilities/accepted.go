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

	// Of Go 1.26.8 itself; all go with 1.26.10.
	"GO-2026-6599": "about JavaScript in html/template: our templates hold none",
	"GO-2026-6600": "about JavaScript in html/template: our templates hold none",
	"GO-2026-6603": "about servers of HTTP/2: ours speak HTTP/1, behind a proxy",
	"GO-2026-6604": "about directories on Windows: it runs on Linux",
	"GO-2026-6605": "about clients that send CONNECT with a body: ours do not",
	"GO-2026-6607": "about servers that end TLS: ours do not, the proxy does",
	"GO-2026-6608": "about multipart forms: we read none",
	"GO-2026-6609": "about http.ServeContent and its like: our files are served without",
	"GO-2026-6610": "about reverse proxies: we are none",
	"GO-2026-6611": "a peer of HTTP/2 can cost time: our servers speak HTTP/1, and our clients call only what the operator has named",
	"GO-2026-6612": "about servers of HTTP/2: ours speak HTTP/1, behind a proxy",
	"GO-2026-6613": "about servers that answer CONNECT with success: ours refuses it",
	"GO-2026-6617": "about servers of HTTP/2: ours speak HTTP/1, behind a proxy",
	"GO-2026-6809": "a list of distrusted certificates that is not in this Go yet: the image's own roots are kept up to date by Debian",
}

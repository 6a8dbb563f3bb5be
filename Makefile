# What one types. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test races lint chaos seeded bench bench-check record clean

# Flags of throughline-dev: make run ARGS="--policy demo --data /tmp/tl"
ARGS ?=
# Packages whose tests run at once. Several start a Temporal server or a browser: more than two need more than two cores.
PARALLEL ?= 2
# Rounds of make races, of each of its two kinds.
ROUNDS ?= 5000
# How much make chaos does: chaos (2,000 referrals, 60 kills) or release (10,000 and 200, three seeds); docs/reliability.md.
TIER ?= chaos
# The same seed makes the same plan of faults.
SEED ?= $(shell date +%s)
SEEDS ?= $(if $(filter release,$(TIER)),3,1)
# The version that make record keeps histories for.
V ?=

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: ## start everything on this machine, and say where; Ctrl-C stops it
	@[ -x bin/throughline-dev ] || echo "building; the first time compiles a Temporal server: about 7 minutes on 2 cores"
	@go build -o bin/throughline-dev ./cmd/throughline-dev
	@exec bin/throughline-dev $(ARGS)

# -count=1: end-to-end tests run binaries, and go test's cache does not see those change. -vet=off: lint has vetted.
# Faults come last and alone: they are about what processes do in a time, and all cores are theirs then.
test: ## run every test, on a real PostgreSQL, Temporal and browser; under 20 minutes with lint, the first time included
	@.ci/provide postgresql
	@.ci/provide chromium
	@echo "compiling; the first time compiles a Temporal server: about 7 minutes on 2 cores"
	@go build ./...
	go test -count=1 -vet=off -p $(PARALLEL) -timeout 15m $$(go list ./... | grep -v /e2e/faults$$)
	go test -count=1 -vet=off -timeout 15m ./e2e/faults

races: ## race fifty callers at one referral against a sequential model, in 5,000 rounds: make races ROUNDS=500
	@.ci/provide postgresql
	go test -count=1 -vet=off -v -timeout 6h ./casework/races -run Races -races.rounds $(ROUNDS)

lint: ## check form, suspicious and unsafe code, secrets, known vulnerabilities, workflows' determinism and the directions of imports
	@unformatted=$$(find . \( -path ./data -o -path ./artefacts -o -path './.*' \) -prune -o -name '*.go' -print | xargs gofmt -l); \
	 [ -z "$$unformatted" ] || { echo "gofmt -w would change:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go tool workflowcheck -test=false ./workflows/...
	@go -C tools build -o ../bin/ ./... github.com/zricethezav/gitleaks/v8
	go vet -vettool=$(CURDIR)/bin/gosec ./...
	.ci/secrets
	bin/vulnerabilities ./cmd/throughline
	go test -count=1 ./internal/house

FAULTS := go test -count=1 -vet=off -timeout 6h -v ./e2e/faults -run NothingIsLost

chaos: ## races, and lives under faults, at length: make chaos TIER=release, or SEED=n to see a plan again
	@.ci/provide postgresql
	$(FAULTS) -tier $(TIER) -seed $(SEED) -seeds $(SEEDS)
	$(FAULTS) -tier spring -seed $(SEED)
	$(FAULTS) -tier autumn -seed $(SEED)
	$(MAKE) races

seeded: ## sow each of the defects of internal/seeded into the binaries, and see it caught
	@.ci/provide postgresql
	go test -count=1 -vet=off -timeout 2h -v ./e2e/faults -run SeededDefect -seeded

bench: ## measure whole referrals per second beside the barest workflow
	@go build -o bin/throughline-dev ./cmd/throughline-dev
	@exec bin/throughline-dev bench $(ARGS)

bench-check: ## measure what throughline check costs; ARGS="--referrals 100000 --workflows 3000"
	@go build -o bin/throughline-dev ./cmd/throughline-dev
	@exec bin/throughline-dev bench-check $(ARGS)

record: ## keep the histories of the released workflows for later versions to replay: make record V=v2
	@[ -n "$(V)" ] || { echo "name the version that is released: make record V=v2"; exit 2; }
	go test -count=1 -timeout 15m ./workflows/servertest -run EveryLife -record $(V)

clean: ## remove what was built; not ./data, which holds the record that `make run` keeps
	rm -rf bin artefacts

# `make` alone lists what there is. Recipes only name scripts and flags; the work is in scripts/.

SHELL := /bin/bash
PATH := $(PATH):/usr/local/go/bin
export PATH

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Database tests wait for the disk more than for a processor: a few at a time even on two cores, and never more than
# the private PostgreSQL has connections for. Continuous integration trusts no cached result.
TEST_FLAGS ?= -timeout 20m -p 4 -parallel 4 $(if $(CI),-count=1)
RACE_FLAGS ?= -timeout 25m -p 2 -parallel 4
FUZZTIME ?= 60s
SEQUENCES ?= 3000

.DEFAULT_GOAL := help
.PHONY: help run test build race screenshots cover sequences fuzz bench check lint services services-stop clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## set everything up and run the product; Ctrl-C stops all of it, the data stays
	@scripts/run

test: check ## set everything up and run every test
	@scripts/with-browser scripts/with-services --tests go test -vet=off $(TEST_FLAGS) ./...

build: ## bin/koodesk
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags timetzdata -ldflags '-X main.version=$(VERSION)' -o bin/koodesk ./app

race: ## every test under the race detector (needs a C compiler)
	@CGO_ENABLED=1 scripts/with-browser scripts/with-services --tests go test -race -vet=off $(RACE_FLAGS) ./...

screenshots: ## docs/screenshots anew, from the browser test of the running product and the rendered mails
	@scripts/with-browser scripts/with-services --tests go test ./app -count=1 -run '^TestAnOperatorFindsAFailedMessageAndRestartsIt$$' -args -screenshots="$(CURDIR)/docs/screenshots"
	@scripts/with-browser scripts/with-services --tests go test ./app/deliver -count=1 -run '^TestPicturesOfTheMails$$' -args -screenshots="$(CURDIR)/docs/screenshots"

cover: ## test coverage: total here, line by line in coverage.html
	@scripts/with-browser scripts/with-services --tests go test -vet=off $(TEST_FLAGS) -coverpkg=./... -coverprofile=coverage.out ./...
	@go tool cover -html=coverage.out -o coverage.html
	@go tool cover -func=coverage.out | tail -n 1

sequences: ## SEQUENCES (3000) random sequences of calls, and of expiries and notices, against their models
	@scripts/with-services --tests go test ./app/intake -count=1 -timeout 60m -run Sequence -rapid.checks $(SEQUENCES)
	@scripts/with-services --tests go test ./app/deliver -count=1 -timeout 60m -run TestNoticesAreThoseOfTheModel -rapid.checks $(SEQUENCES)

fuzz: ## every fuzz target for FUZZTIME (60s)
	@scripts/with-services --tests scripts/fuzz $(FUZZTIME)

bench: build ## the benchmarks: ratios beside their raw limits, and of big databases to small ones
	@scripts/with-services scripts/bench

check: ## go vet and gofmt, without services
	@scripts/check

lint: ## golangci-lint (built on first use, which takes minutes) and shellcheck if installed
	@go run $(GOLANGCI_LINT) run ./...
	@if command -v shellcheck >/dev/null; then scripts/lint-scripts; fi

services: ## the private PostgreSQL and Redis; prints DATABASE_URL and REDIS_URL
	@scripts/services

services-stop: ## stop them
	@scripts/services-stop

clean: ## remove what was built; never touches .data
	@rm -rf bin coverage.out coverage.html

# ranklab: the commands of a working day. EXPERIMENT and ARGS may be set:
#   make sweep EXPERIMENT=experiments/quick-lr.toml ARGS="-j 1"
EXPERIMENT ?= experiments/quick.toml
ARGS       ?=
FUZZTIME   ?= 1m
FULLFUZZ   ?= 30s
PYTHON     ?= python3

REVISION := $(shell git rev-parse HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),+dirty)
GOFLAGS  := -trimpath
export GOAMD64 := v1
export CGO_ENABLED := 0
RANKLAB  := .bin/ranklab

.PHONY: sweep plan tune table figures report status bench test test-full soak replay fuzz lint generate cross build clean-results

build:
	@go build $(GOFLAGS) -ldflags "-X main.revision=$(REVISION)" -o $(RANKLAB) .

sweep: build       ## train every run of EXPERIMENT, then its table and figures
	$(RANKLAB) sweep $(EXPERIMENT) $(ARGS)
plan: build        ## what would be trained, with memory and time
	$(RANKLAB) plan $(EXPERIMENT) $(ARGS)
tune: build        ## find the learning rates of EXPERIMENT, if it has a [tune] section
	$(RANKLAB) tune $(EXPERIMENT) $(ARGS)
table: build       ## print the table again, from stored results
	$(RANKLAB) table $(EXPERIMENT) $(ARGS)
figures: build     ## draw the figures again, from stored results
	$(RANKLAB) figures $(EXPERIMENT) $(ARGS)
report: build      ## write the report again: one HTML page
	$(RANKLAB) report $(EXPERIMENT) $(ARGS)
status: build      ## the state of every run
	$(RANKLAB) status $(EXPERIMENT) $(ARGS)
bench: build       ## measure this machine and how much of it training uses
	$(RANKLAB) bench $(ARGS)

test:              ## the tests: a few minutes
	go vet ./...
	go test -timeout 40m ./...
test-full:         ## everything, including what takes longer
	RANKLAB_FULL=1 go test -timeout 40m ./...
	$(MAKE) fuzz FUZZTIME=$(FULLFUZZ)
soak:              ## kill runs a thousand times at random moments
	RANKLAB_KILLS=1000 go test -timeout 12h -run RandomKills -v ./harness/crash
replay:            ## replay bundles of every method in PyTorch (PYTHON=...): interop/replay_report.md
	@rm -rf .bin/bundles
	go run ./interop/bundles -o .bin/bundles
	$(PYTHON) interop/replay_torch.py --report interop/replay_report.md .bin/bundles/runs/*
# Without a bound, making one input smaller may take all of FUZZTIME. Before Go 1.27 a
# worker that is busy when the time is over fails its target with nothing but
# "context deadline exceeded" (golang/go#75804): only an input that was found counts.
fuzz:              ## look for input that breaks a parser or a kernel, FUZZTIME for each target
	@mkdir -p .bin; for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
		echo "$$p $$f"; go test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x 2>&1 | tee .bin/fuzz.log; \
		grep -q '^ok' .bin/fuzz.log && continue; \
		grep -q '^    context deadline exceeded$$' .bin/fuzz.log && ! grep -q 'Failing input' .bin/fuzz.log || exit 1; \
	done; done
generate:          ## write the vector kernels of tensor from their sources in tools/kernels
	go generate ./tensor
lint:              ## gofmt, vet, staticcheck, generated files are current
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go build -C tools -o ../.bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	.bin/staticcheck ./...
	cd tools && go vet ./... && ../.bin/staticcheck ./...
	go run -C tools ./kernels -out ../tensor -check
cross:             ## build for the other platforms, with the same bits
	GOOS=darwin GOARCH=arm64 go build -o /dev/null .
	GOOS=linux GOARCH=arm64 go build -o /dev/null .
	go run -C tools ./fused -root ..

clean-results:     ## delete trained results (not results/reference)
	rm -rf results/runs results/sweeps results/figures results/tables results/reports

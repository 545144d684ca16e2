# popbeat: one target a stage, each of them one Python command. "make" alone lists them.
MODEL  ?=
BUNDLE ?=
CONFIG ?= full
FOLDS  ?= shipped
PROTOCOL ?=
FULL   ?=
WAVES  ?=
WINDOW ?= 0
RECORD ?=
RECORDS ?=
LEAD   ?=
INVERT ?=
STRICT ?=
DEVICE ?= ecp5-25k
BOARD  ?= ulx3s-85f
SEEDS  ?= 10
FAMILY ?=
ONLY   ?=
SEED   ?= 1
MHZ    ?=
PORT   ?= /dev/ttyUSB0
CYCLES ?= 0
LUTS   ?= 0
NAME   ?=
MUTANTS ?= 1000
AXILITE ?=
BRAMS  ?=
CALIBRATE ?=
LEVERS ?=
PYTHON ?= python3

VENV  := .venv
RUN   := $(VENV)/bin/python
READY := $(VENV)/ready
# By exact version and not in the lock: CPU and CUDA builds of one version have different hashes.
TORCH := torch==2.13.0

.PHONY: help sim test train levers curve cycles verilog explore fpga synth gate mutate bitstream networks replay detect beats classify report docs lint clean lock
help: ## this list
	@echo "popbeat: arrhythmia classifiers for FPGAs, bit-exact from training to Verilog"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(READY): requirements.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, not " + sys.version.split()[0])'
	@echo "making the Python environment in $(VENV) (once)"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check $(TORCH)
	@touch $@

sim: $(READY) ## simulate on real windows, every layer compared [MODEL= BUNDLE= CONFIG= FULL=1 | WAVES=1 WINDOW=]
ifneq ($(filter-out 0,$(WAVES)),)
	@$(RUN) -m sim.waves --model "$(MODEL)" --bundle "$(BUNDLE)" --config "$(CONFIG)" --window $(WINDOW)
else
	@$(RUN) -m sim.run --model "$(MODEL)" --bundle "$(BUNDLE)" --config "$(CONFIG)" $(if $(filter-out 0,$(FULL)),--full)
endif

test: $(READY) ## lint, units, exactness and flow (under 10 minutes on two cores); a part alone, without lint: [ONLY=hw/binary/pool, a source file or folder; tests/test_house.py, a pytest path; or an expression for pytest's -k]
ifneq ($(ONLY),)
	@$(RUN) -m tests.only "$(ONLY)" --durations=10
else
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check .
	@$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10
endif

train: $(READY) ## train a model and its float twin [MODEL=bnn17 FOLDS=shipped|all|0..4 PROTOCOL=comparable|comparable+records|no-neighbours|by-time|between-patients|inter-patient EPOCHS=]
	@$(RUN) -m sw.training.train --model "$(or $(MODEL),bnn17)" --folds "$(FOLDS)" --protocol "$(PROTOCOL)" --epochs "$(or $(EPOCHS),0)"

levers: $(READY) ## what each lever of a training brings, on validation windows: docs/levers.md [MODEL=bnn17 LEVERS=records SEED=1], of bnnbeat5: docs/beats.md
	@$(RUN) -m sw.training.levers --model "$(or $(MODEL),bnn17)" --lever "$(LEVERS)" --seeds "$(SEED)"

curve: $(READY) ## accuracy and cycles of a multi-bit network against its size: several trainings [MODEL=alq17]
	@$(RUN) -m sw.training.curve --model "$(or $(MODEL),alq17)"
	@$(RUN) -m sim.widths --model "$(or $(MODEL),alq17)"

cycles: $(READY) ## cycles of every layer of all multi-bit networks on the array: docs/array_cycles.md
	@$(RUN) -m docs.generate.cycles

verilog: $(READY) ## Verilog, its ports as JSON, a bench, assertions, a FuseSoC core [MODEL=bnn17 BUNDLE= CONFIG=full, record: with the QRS detector, NAME= of the module, AXILITE=1: results in registers]
	@$(RUN) -m $(if $(filter-out 0,$(AXILITE)),hw.axilite,hw.generate) --model "$(or $(MODEL),bnn17)" --bundle "$(BUNDLE)" --config "$(CONFIG)" --name "$(NAME)"

explore: $(READY) ## folding for a device or a budget [MODEL=bnn17 DEVICE=ecp5-25k CYCLES= LUTS= BRAMS= | FULL=1 | CALIBRATE=1]
ifneq ($(filter-out 0,$(FULL)),)
	@$(RUN) -m sim.explore --model "$(or $(MODEL),bnn17)" --device "$(DEVICE)"
else
	@$(RUN) -m hw.explore --model "$(or $(MODEL),bnn17)" --bundle "$(BUNDLE)" --device "$(DEVICE)" \
	  --cycles "$(or $(CYCLES),0)" --luts "$(or $(LUTS),0)" $(if $(BRAMS),--brams "$(BRAMS)") $(if $(filter-out 0,$(CALIBRATE)),--calibrate)
endif

fpga: $(READY) ## area and clock, worst of SEEDS placements [MODEL=bnn17 DEVICE=ecp5-25k CONFIG=full SEEDS=10]
	@$(RUN) -m hw.fpga.measure --model "$(or $(MODEL),bnn17)" --bundle "$(BUNDLE)" --device "$(DEVICE)" --config "$(CONFIG)" --seeds "$(SEEDS)"

synth: $(READY) ## synthesis only, nothing placed: what the Verilog takes of xc7, Nexus, Cyclone V, and in gates [MODEL=bnn17 BUNDLE= CONFIG=full FAMILY=xc7]
	@$(RUN) -m hw.fpga.elsewhere --model "$(or $(MODEL),bnn17)" --bundle "$(BUNDLE)" --config "$(CONFIG)" --family "$(FAMILY)"

networks: $(READY) ## several networks loaded one after another into one simulated array, over its stream and through a board's serial line, every answer as after a fresh load
	@$(RUN) -m sim.networks

gate: $(READY) ## the netlist behind synthesis on real windows [MODEL=bnn17 DEVICE=ecp5-25k CONFIG=full]
	@$(RUN) -m sim.gate.netlist --model "$(or $(MODEL),bnn17)" --device "$(DEVICE)" --config "$(CONFIG)"

mutate: $(READY) ## small faults in the Verilog of a top, one at a time: which do the benches notice? [MODEL=bnn17 CONFIG=full MUTANTS=1000 SEED=1]
	@$(RUN) -m sim.mutate.run --model "$(or $(MODEL),bnn17)" --config "$(CONFIG)" --mutants "$(MUTANTS)" --seed "$(SEED)"

bitstream: $(READY) ## a bitstream with the host link [BOARD=ulx3s-85f MODEL=bnn17 CONFIG= MHZ= SEED=1]
	@$(RUN) -m hw.board.bitstream --board "$(BOARD)" --model "$(or $(MODEL),bnn17)" --bundle "$(BUNDLE)" --config "$(if $(filter-out file,$(origin CONFIG)),$(CONFIG))" --mhz "$(or $(MHZ),0)" --seed "$(SEED)"

replay: $(READY) ## a record, or any WFDB record by its path, through a board over its serial line [RECORD=200 LEAD= PORT=/dev/ttyUSB0 MODEL=bnn17 CONFIG=mac128l]
	@$(RUN) -m hw.board.replay --record "$(or $(RECORD),200)" --lead "$(LEAD)" --port "$(PORT)" --model "$(or $(MODEL),bnn17)" --config "$(CONFIG)" --bundle "$(BUNDLE)"

detect: $(READY) ## R peaks of whole records, scored by EC57 beside wfdb's detectors; RTL compared [FULL=1]
	@$(RUN) -m sim.detect $(if $(filter-out 0,$(FULL)),--full)

beats: $(READY) ## raw recordings to labelled beats, no annotation used; scored, RTL compared [MODEL=bnnbeat5|gasf5 RECORDS=208,232 FULL=1 BUNDLE=]
	@$(RUN) -m sim.beats --model "$(or $(MODEL),bnnbeat5)" --records "$(RECORDS)" --bundle "$(BUNDLE)" $(if $(filter-out 0,$(FULL)),--full)

classify: $(READY) ## any WFDB record through the simulated hardware, in windows or, MODEL=bnnbeat5 or gasf5, beat by beat; RECORD=path [LEAD=name or number INVERT=1 STRICT=1 MODEL=bnn17]
	@$(RUN) -m sim.classify --record "$(RECORD)" --lead "$(LEAD)" --model "$(or $(MODEL),bnn17)" --bundle "$(BUNDLE)" \
	  $(if $(filter-out 0,$(INVERT)),--invert) $(if $(filter-out 0,$(STRICT)),--strict)

report: $(READY) ## tables and pictures of README and docs, from the last report
	@$(RUN) -m docs.generate.pages

docs: $(READY) ## these pages and the components' API as a site with search, in build/site; a dead link is an error
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

lint: $(READY) ## format and check the code
	@$(RUN) -m ruff format . && $(RUN) -m ruff check --fix .

lock: $(READY) ## write requirements.lock anew from pyproject.toml
	$(RUN) -m piptools compile --quiet --extra test --extra docs --extra examples --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --output-file requirements.lock pyproject.toml

clean: ## remove everything that was built; the environment, recordings and trained bundles stay
	rm -rf build .pytest_cache .ruff_cache .hypothesis

# popbeat: one target a stage, each of them one Python command. "make" alone lists them.
# What a user may set, each with its default; a target says which of them it takes, and any other one is an error.
MODEL     ?=
BUNDLE    ?=
CONFIG    ?=
FOLDS     ?= shipped
PROTOCOL  ?=
EPOCHS    ?=
FULL      ?=
WAVES     ?=
WINDOW    ?= 0
RECORD    ?=
RECORDS   ?=
LEAD      ?=
INVERT    ?=
STRICT    ?=
RATE      ?=
FROM      ?=
TO        ?=
DEVICE    ?= ecp5-25k
BOARD     ?= ulx3s-85f
SEEDS     ?= 10
SEED      ?= 1
FAMILY    ?=
ONLY      ?=
MHZ       ?=
PORT      ?= /dev/ttyUSB0
CYCLES    ?= 0
LUTS      ?= 0
BRAMS     ?=
NAME      ?=
AXILITE   ?=
CALIBRATE ?=
LEVERS    ?=
CASES     ?=
MUTANTS   ?= 1000
SOURCE    ?=
UPSETS    ?= 1068
PYTHON    ?= python3

# Values reach the commands through the environment, as they were typed: a quote or a dollar in a path is a part of its name.
GIVEN    := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
SETTINGS := MODEL BUNDLE CONFIG FOLDS PROTOCOL EPOCHS FULL WAVES WINDOW RECORD RECORDS LEAD INVERT STRICT RATE FROM TO DEVICE BOARD \
            SEEDS SEED FAMILY ONLY MHZ PORT CYCLES LUTS BRAMS NAME AXILITE PLACE CALIBRATE LEVERS CASES MUTANTS SOURCE UPSETS
$(foreach name,$(SETTINGS),$(eval override $(name) := $$(value $(name))))
export $(SETTINGS)

READING      := RECORD LEAD INVERT STRICT RATE FROM TO
OF_sim       := MODEL BUNDLE CONFIG WAVES $(if $(filter-out 0,$(WAVES)),WINDOW,FULL)
OF_test      := ONLY
OF_train     := MODEL FOLDS PROTOCOL EPOCHS $(if $(filter bnnbeat5,$(MODEL)),SEEDS)
OF_levers    := MODEL LEVERS SEED
OF_curve     := MODEL
OF_verilog   := MODEL BUNDLE CONFIG NAME AXILITE
OF_explore   := MODEL DEVICE FULL $(if $(filter-out 0,$(FULL)),,BUNDLE CYCLES LUTS BRAMS PLACE CALIBRATE)
OF_fpga      := MODEL BUNDLE DEVICE CONFIG SEEDS
OF_synth     := MODEL BUNDLE CONFIG FAMILY
OF_gate      := MODEL DEVICE CONFIG
OF_netlists  := CASES SEED
OF_bitstream := BOARD MODEL BUNDLE CONFIG MHZ SEED
OF_replay    := RECORD LEAD RATE PORT MODEL CONFIG BUNDLE
OF_detect    := $(if $(RECORD),$(READING),RECORDS FULL)
OF_beats     := MODEL BUNDLE $(if $(RECORD),$(READING),RECORDS FULL)
OF_prove     := ONLY
OF_mutate    := $(if $(filter-out 0,$(SOURCE)),SOURCE SEED,MODEL CONFIG MUTANTS SOURCE SEED)
OF_coverage  := ONLY
OF_upset     := MODEL CONFIG UPSETS SEED
OF_fuzz      := CASES SEED ONLY
OF_classify  := MODEL BUNDLE $(READING)

# What commands that read any recording are told.
READ = --record "$$RECORD" --lead "$$LEAD" --rate "$$RATE" --from "$$FROM" --to "$$TO" \
       $(if $(filter-out 0,$(INVERT)),--invert) $(if $(filter-out 0,$(STRICT)),--strict)

SWITCHES := FULL WAVES INVERT STRICT AXILITE PLACE CALIBRATE

# A variable that the target does not take would be ignored without a word, so it is an error.
ifeq ($(MAKELEVEL),0)
GOALS := $(or $(MAKECMDGOALS),help)
TAKEN := PYTHON $(foreach goal,$(GOALS),$(OF_$(goal)))
$(foreach name,$(SWITCHES),$(if $(filter-out 0 1,$($(name))),$(error $(name)=$($(name)) must be 1 for on, or 0 or nothing for off)))
$(foreach name,$(filter-out $(TAKEN),$(GIVEN)),$(error make $(GOALS) takes no $(name) here; it takes $(filter-out PYTHON,$(TAKEN))))
endif

VENV  := .venv
RUN   := $(VENV)/bin/python
READY := $(VENV)/ready
# By exact version and not in the lock: CPU and CUDA builds of one version have different hashes.
TORCH := torch==2.13.0

.PHONY: help sim test train levers curve cycles verilog explore fpga synth gate netlists bitstream networks replay detect beats classify fuzz prove mutate coverage upset soak report docs lint audit clean lock
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
	@$(RUN) -m sim.waves --model "$$MODEL" --bundle "$$BUNDLE" --config "$${CONFIG:-full}" --window "$$WINDOW"
else
	@$(RUN) -m sim.run --model "$$MODEL" --bundle "$$BUNDLE" --config "$${CONFIG:-full}" $(if $(filter-out 0,$(FULL)),--full)
endif

test: $(READY) ## lint, units, exactness and flow (a quarter of an hour on two cores); a part alone, without lint: [ONLY=hw/binary/pool, a source file or folder; tests/test_house.py, a pytest path; or an expression for pytest's -k]
ifneq ($(ONLY),)
	@$(RUN) -m tests.only "$$ONLY" --durations=10
else
	@$(RUN) -m ruff check . && $(RUN) -m ruff format --check .
	@$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10
endif

train: $(READY) ## train a model and its float twin [MODEL=bnn17 FOLDS=shipped|all|0..4 PROTOCOL=comparable|comparable+records|no-neighbours|by-time|between-patients, of gasf5 comparable|inter-patient, of lamscn17 by-time|inter-patient; EPOCHS=; of bnnbeat5 SEEDS=1,2,3: the recipe with several seeds]
	@$(RUN) -m sw.training.train --model "$${MODEL:-bnn17}" --folds "$$FOLDS" --protocol "$$PROTOCOL" --epochs "$${EPOCHS:-0}" $(if $(filter SEEDS,$(GIVEN)),--seeds "$$SEEDS")

levers: $(READY) ## what each lever of a training brings, on validation windows: docs/levers.md [MODEL=bnn17 LEVERS=records SEED=1], of bnnbeat5: docs/beats.md
	@$(RUN) -m sw.training.levers --model "$${MODEL:-bnn17}" --lever "$$LEVERS" --seeds "$$SEED"

curve: $(READY) ## accuracy and cycles of a multi-bit network against its size: several trainings [MODEL=alq17]
	@$(RUN) -m sw.training.curve --model "$${MODEL:-alq17}"
	@$(RUN) -m sim.widths --model "$${MODEL:-alq17}"

cycles: $(READY) ## cycles of every layer of all multi-bit networks on the array: docs/array_cycles.md
	@$(RUN) -m docs.generate.cycles

verilog: $(READY) ## Verilog, its ports as JSON, a bench, assertions, a FuseSoC core [MODEL=bnn17 BUNDLE= CONFIG=full, record: with the QRS detector, NAME= of the module, AXILITE=1: results in registers]
	@$(RUN) -m $(if $(filter-out 0,$(AXILITE)),hw.axilite,hw.generate) --model "$${MODEL:-bnn17}" --bundle "$$BUNDLE" --config "$${CONFIG:-full}" --name "$$NAME"

explore: $(READY) ## folding for a device or a budget [MODEL=bnn17 DEVICE=ecp5-25k CYCLES= LUTS= BRAMS=, PLACE=1: until one is routed | FULL=1 | CALIBRATE=1]
ifneq ($(filter-out 0,$(FULL)),)
	@$(RUN) -m sim.explore --model "$${MODEL:-bnn17}" --device "$$DEVICE"
else
	@$(RUN) -m hw.explore --model "$${MODEL:-bnn17}" --bundle "$$BUNDLE" --device "$$DEVICE" \
	  --cycles "$${CYCLES:-0}" --luts "$${LUTS:-0}" $(if $(BRAMS),--brams "$$BRAMS") $(if $(filter-out 0,$(PLACE)),--place) $(if $(filter-out 0,$(CALIBRATE)),--calibrate)
endif

fpga: $(READY) ## area and clock, worst of SEEDS placements [MODEL=bnn17 DEVICE=ecp5-25k CONFIG=full SEEDS=10]
	@$(RUN) -m hw.fpga.measure --model "$${MODEL:-bnn17}" --bundle "$$BUNDLE" --device "$$DEVICE" --config "$${CONFIG:-full}" --seeds "$$SEEDS"

synth: $(READY) ## synthesis only, nothing placed: what the Verilog takes of xc7, Nexus, Cyclone V, and in gates [MODEL=bnn17 BUNDLE= CONFIG=full FAMILY=xc7]
	@$(RUN) -m hw.fpga.elsewhere --model "$${MODEL:-bnn17}" --bundle "$$BUNDLE" --config "$${CONFIG:-full}" --family "$$FAMILY"

networks: $(READY) ## several networks loaded one after another into one simulated array, over its stream and through a board's serial line, every answer as after a fresh load
	@$(RUN) -m sim.networks

gate: $(READY) ## the netlist behind synthesis on real windows [MODEL=bnn17 DEVICE=ecp5-25k CONFIG=full]
	@$(RUN) -m sim.gate.netlist --model "$${MODEL:-bnn17}" --device "$$DEVICE" --config "$${CONFIG:-full}"

netlists: $(READY) ## small random networks behind the synthesis of every family: docs/netlists.json [CASES=4 SEED=1]
	@$(RUN) -m sim.gate.families --cases "$${CASES:-4}" --seed "$$SEED"

bitstream: $(READY) ## a bitstream with the host link [BOARD=ulx3s-85f MODEL=bnn17 CONFIG= MHZ= SEED=1]
	@$(RUN) -m hw.board.bitstream --board "$$BOARD" --model "$${MODEL:-bnn17}" --bundle "$$BUNDLE" --config "$$CONFIG" --mhz "$${MHZ:-0}" --seed "$$SEED"

replay: $(READY) ## a record, or any recording by its path, through a board over its serial line [RECORD=200 LEAD= PORT=/dev/ttyUSB0 MODEL=bnn17; of networks of the array CONFIG=mac128l]
	@$(RUN) -m hw.board.replay --record "$${RECORD:-200}" --lead "$$LEAD" --port "$$PORT" --model "$${MODEL:-bnn17}" --config "$${CONFIG:-full}" --bundle "$$BUNDLE" --rate "$$RATE"

detect: $(READY) ## R peaks of whole records, scored by EC57 beside wfdb's detectors; RTL compared [FULL=1 RECORDS=203,208]; or of any recording [RECORD=path, options as classify]
	@$(RUN) -m sim.detect --records "$$RECORDS" $(if $(filter-out 0,$(FULL)),--full) $(READ)

beats: $(READY) ## raw recordings to labelled beats, no annotation used; scored, RTL compared [MODEL=bnnbeat5|gasf5 RECORDS=208,232 FULL=1 BUNDLE=]; or of any recording [RECORD=path, options as classify]
	@$(RUN) -m sim.beats --model "$${MODEL:-bnnbeat5}" --records "$$RECORDS" --bundle "$$BUNDLE" $(if $(filter-out 0,$(FULL)),--full) $(READ)

classify: $(READY) ## any recording through the simulated hardware, in windows or, MODEL=bnnbeat5 or gasf5, beat by beat; RECORD=WFDB record, EDF, BDF, CSV, .npy, folder, or several with commas [LEAD=name or number FROM=1:30 TO=2:00 RATE=of a table INVERT=1 STRICT=1 MODEL=bnn17 BUNDLE=]
	@$(RUN) -m sim.classify --model "$${MODEL:-bnn17}" --bundle "$$BUNDLE" $(READ)

fuzz: $(READY) ## broken inputs to everything that reads something from outside: recordings, bundles, foldings, a board's answers [CASES=10000 SEED=1 ONLY=EDF]
	@$(RUN) -m sim.fuzz.run --cases "$${CASES:-10000}" --seed "$$SEED" --only "$$ONLY"

prove: $(READY) ## what the gateware promises, proved by a solver for every input, and that each proof notices faults: docs/proofs.md [ONLY=a family, or words of a property's name]
	@$(RUN) -m sim.prove --only "$$ONLY"

mutate: $(READY) ## do the benches notice small faults? mutants of the netlist, all in one model: docs/mutants.md [MODEL=bnn17 CONFIG=full MUTANTS=1000 SEED=1 | SOURCE=300: of the Amaranth source]
	@$(RUN) -m sim.mutate.run --model "$${MODEL:-bnn17}" --config "$${CONFIG:-full}" --mutants "$$MUTANTS" --seed "$$SEED" --source "$${SOURCE:-0}"

soak: $(READY) ## 24 hours of real ECG in one simulation, samples to beats and windows to classes: docs/soak.json
	@$(RUN) -m sim.soak

coverage: $(READY) ## lines, branches and bits of the Verilog that the benches reach: docs/coverage.md [ONLY="bnn17 full"]
	@$(RUN) -m sim.cover.run --only "$$ONLY"

upset: $(READY) ## what does a single flipped bit do? in flip-flops and memories, while real windows run: docs/upsets.md [MODEL=bnn17 CONFIG=full UPSETS=1068 SEED=1]
	@$(RUN) -m sim.upset.run --model "$${MODEL:-bnn17}" --config "$${CONFIG:-full}" --upsets "$$UPSETS" --seed "$$SEED"

report: $(READY) ## tables and pictures of README and docs, from the last report
	@$(RUN) -m docs.generate.pages

docs: $(READY) ## these pages and the components' API as a site with search, in build/site; a dead link is an error
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet --strict --config-file docs/site/mkdocs.yml

lint: $(READY) ## format and check the code
	@$(RUN) -m ruff format . && $(RUN) -m ruff check --fix .

audit: $(READY) ## known vulnerabilities of what requirements.lock names; an error also where their database can't be asked
	$(RUN) -m pip_audit --strict --disable-pip --require-hashes -r requirements.lock

lock: $(READY) ## write requirements.lock anew from pyproject.toml
	$(RUN) -m piptools compile --quiet --extra test --extra docs --extra examples --generate-hashes --allow-unsafe --strip-extras \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --output-file requirements.lock pyproject.toml

clean: ## remove everything that was built; the environment, recordings and trained bundles stay
	rm -rf build .pytest_cache .ruff_cache .hypothesis

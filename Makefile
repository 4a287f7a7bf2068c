# The commands of the project; CONTRIBUTING.md explains them. Everything lands in .venv, node_modules,
# static/dist and var, and nothing outside this folder.
.PHONY: run setup converter check test faults bench bench-page bench-crowd lock words pictures
.DEFAULT_GOAL := run

READY = python=$$(sh setup/find-python.sh) && "$$python" setup/ready.py

run: ## set up if needed, then start everything in the foreground; Ctrl-C ends it
	@$(READY) run && exec .venv/bin/python -m portal.ops.group

setup: ## everything `run` needs, without starting it
	@$(READY) run

converter: ## add what converts safetensors to GGUF: an extra, 1 to 5 GB of packages
	@$(READY) run && exec .venv/bin/python -m setup.converter

check: ## style, types, laws, settings, migrations, translations, locks
	@$(READY) dev && exec .venv/bin/python -m setup.check

test: ## the whole suite
	@$(READY) dev && exec .venv/bin/python -m setup.suite

faults: ## kill, pause and empty parts while people chat; SEED=7 repeats a run, ROUNDS=5 goes on
	@$(READY) dev && campaign=".venv/bin/python -m tests.faults.campaign" && \
		set -- $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) && \
		$$campaign "$$@" $(if $(DEEDS),--deeds $(DEEDS),&& $$campaign "$$@" --empty-redis)

bench: ## measure beside llama-server into bench/RESULTS.md; ONLY=burst,talk-4 ROUNDS=3 MORE=yes
	@$(READY) dev && exec .venv/bin/python -m bench $(if $(ONLY),--only $(ONLY)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MORE),--more)

bench-page: ## measure the chat page in a slowed browser; ONLY=load,keys-prose ROUNDS=1 MORE=yes
	@$(READY) dev && exec .venv/bin/python -m bench.page $(if $(ONLY),--only $(ONLY)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MORE),--more)

bench-crowd: ## measure one web process before many open tabs; ROUNDS=1
	@$(READY) dev && exec .venv/bin/python -m bench.crowd $(if $(ROUNDS),--rounds $(ROUNDS))

words: ## collect the words people read into locale/, and compile them
	@$(READY) dev && exec .venv/bin/python -m setup.words collect

pictures: ## take the pictures of the documentation again
	@$(READY) dev && exec .venv/bin/python -m setup.pictures

lock: ## resolve the dependencies again
	@$(READY) dev && exec .venv/bin/python -m setup.lock

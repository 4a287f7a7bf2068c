# The commands of the project; CONTRIBUTING.md explains them. Everything lands in .venv, node_modules,
# static/dist and var, and nothing outside this folder.
.PHONY: run setup check test faults lock words
.DEFAULT_GOAL := run

READY = python=$$(sh setup/find-python.sh) && "$$python" setup/ready.py

run: ## set up if needed, then start everything in the foreground; Ctrl-C ends it
	@$(READY) run && exec .venv/bin/python -m portal.ops.group

setup: ## everything `run` needs, without starting it
	@$(READY) run

check: ## style, types, laws, settings, migrations, translations, locks
	@$(READY) dev && exec .venv/bin/python -m setup.check

test: ## the whole suite
	@$(READY) dev && exec .venv/bin/python -m setup.suite

faults: ## kill, pause and fill while people chat; prints its seed
	@$(READY) dev && exec .venv/bin/python -m tests.faults.campaign $(if $(SEED),--seed $(SEED))

words: ## collect the words people read into locale/, and compile them
	@$(READY) dev && exec .venv/bin/python -m setup.words collect

lock: ## resolve the dependencies again
	@$(READY) dev && exec .venv/bin/python -m setup.lock

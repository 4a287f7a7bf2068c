"""Run in the house, beside it: opens files that are attached, as the part `celery` does.

Not that part itself: it would look for the models of the page tests in a store, and find none.

python tests/browser/reader.py
"""

from portal.celery import app

if __name__ == "__main__":
    app.loader.import_default_modules()
    # Who asks for it all the same is not heard.
    app.tasks.unregister("catalog.sync")
    app.worker_main(["--quiet", "worker", "--pool", "threads", "--concurrency", "2"])

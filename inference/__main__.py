"""`python -m inference`: the supervisor of this host. Nothing but start and signals."""

import logging
import signal
import sys

from inference import settings
from inference.supervisor import Supervisor


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="inference %(message)s")
    try:
        config = settings.read()
    except settings.BadSetting as error:
        logging.getLogger(__name__).critical("%s", error)
        return 2
    supervisor = Supervisor(config)
    signal.signal(signal.SIGTERM, supervisor.end)
    signal.signal(signal.SIGINT, supervisor.end)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())

"""Which tests go to which process, and in which order. Not for what runs in one process.

A file stays whole, so that its fixtures are made once; so do folders that share a living portal.
What takes long begins first, or one process would still be at it when the other has nothing left.
"""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

# They share what is started once for all of them.
TOGETHER = ("tests/clients",)
# Few tests, each of which takes long: counted as so many.
HEAVY = {
    "tests/clients": 10_000,
    "tests/faults": 9_000,
    "tests/group": 8_000,
    "tests/inference": 7_000,
    "tests/catalog/jobs": 6_000,
    "tests/api/test_wire.py": 5_000,
}


class SideBySide(LoadFileScheduling):
    """By file or folder, heavy ones first."""

    def _split_scope(self, nodeid: str) -> str:
        for folder in TOGETHER:
            if nodeid.startswith(f"{folder}/"):
                return folder
        return str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(max(self.workqueue, key=self._weight), last=False)
        super()._assign_work_unit(node)

    def _weight(self, scope: str) -> int:
        heavy = max((HEAVY[begin] for begin in HEAVY if scope.startswith(begin)), default=0)
        return heavy + len(self.workqueue[scope])

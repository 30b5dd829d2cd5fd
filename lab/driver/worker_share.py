"""A worker's part of a load: which users, which arrivals and which random numbers are its own."""

from __future__ import annotations

from typing import Any

from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode

from lab.driver_messages import RunTrial, WorkerShare

ALL = WorkerShare(0, 1)


class ShareDispatcher(UsersDispatcher):
    """Divides users among all workers as Locust's master does, and starts those of one.

    Every worker computes the same division, so that each user is started by exactly one of them,
    whatever the weights and fixed counts of their classes.
    """

    def __init__(
        self, worker_nodes: list[WorkerNode], user_classes: list[type[User]], *, share: WorkerShare
    ) -> None:
        """As `UsersDispatcher`, with the share of this process, whose node is the only one."""
        [self._local] = worker_nodes
        nodes = [WorkerNode(f"{index:06}") for index in range(share.count)]
        self._own = nodes[share.index].id
        super().__init__(nodes, user_classes)

    def __next__(self) -> dict[str, dict[str, int]]:
        """The users of each class that are to run here, by the id of this process's node."""
        everywhere: dict[str, dict[str, int]] = super().__next__()
        return {self._local.id: everywhere[self._own]}


def part_of(total: int, share: WorkerShare) -> int:
    """How many of so many, numbered from 0 on, belong to a worker."""
    return len(range(share.index, total, share.count))


def own_seed(trial: RunTrial) -> Any:
    """The seed of what each worker draws for itself; the schedule of arrivals has the trial's."""
    return trial.seed if trial.share is None else f"{trial.seed}-worker-{trial.share.index}"

"""`lab clean`: remove what the lab keeps of revisions."""

from __future__ import annotations


def command() -> None:
    """Remove the worktrees of revisions, with their environments."""
    from lab.files.project_folder import Project
    from lab.machine.run_lock import machine_lock
    from lab.targets.revision_worktrees import remove_all

    root = Project.find().root
    with machine_lock(None, remedy="Remove its revisions when it has ended"):
        removed = list(remove_all(root))
    for name in removed:
        print(f"removed {name}")
    if not removed:
        print("there are no revisions")

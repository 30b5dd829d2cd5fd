"""Whether an arm still answers as itself: with its settings, from the processes of its trial."""

from __future__ import annotations

from collections.abc import Mapping

from lab.targets.target_interface import Identity
from lab.trials.trial import Fault


def wrong_settings(
    arm: str, identities: Mapping[str, Identity], expected: Mapping[str, str]
) -> Fault | None:
    """A fault if the processes of an arm report a setting that is not the arm's.

    Processes of which nothing is known report nothing; a setting that no other reports is not the
    arm's either.
    """
    known = [each.settings for each in identities.values() if each.settings is not None]
    if not known:
        return None
    for name, value in expected.items():
        reported = [settings[name] for settings in known if name in settings]
        wrong = next((each for each in reported if not _same(each, value)), None)
        if wrong is not None:
            return Fault(
                "settings",
                f"Arm {arm} answers with other settings: {name} is {wrong}, not {value}.",
                retryable=False,
            )
    for name, value in expected.items():
        if not any(name in settings for settings in known):
            return Fault(
                "settings",
                f"No process of arm {arm} reports {name}, so that nothing shows that it is "
                f"{value}. Let the path that `settings` of lab.toml names answer with it.",
                retryable=False,
            )
    return None


def _same(reported: str, expected: str) -> bool:
    """Whether two texts are one value: `5` and `5.0`, `true` and `True` are."""
    if reported.lower() == expected.lower():
        return True
    try:
        return float(reported) == float(expected)
    except ValueError:
        return False


def restarted(arm: str, role: str) -> Fault:
    """The fault of a process that is another one than at the start of the trial."""
    return Fault("settings", f"The {role} of arm {arm} was restarted.", retryable=False)


def not_restarted(arm: str, role: str) -> Fault:
    """The fault of a process that should be a fresh one, and is the one from before."""
    message = f"The {role} of arm {arm} is the process from before, although it was restarted."
    return Fault("settings", message, retryable=False)


def process_ended(how: str) -> Fault:
    """The fault of a process that ended, `how` being in words."""
    return Fault("alive", f"A process ended: {how}.", retryable=False)

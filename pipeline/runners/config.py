"""The option of every command that shuffles: whether it may start when its shuffle seems too large for this machine."""

from dataclasses import dataclass

from schemas.option_group import OptionGroup
from schemas.run_options import NotIdentity


@dataclass(frozen=True, kw_only=True)
class RunnerOptions(OptionGroup):
    """How the job is run; no byte of the output depends on it."""

    force: NotIdentity[bool] = False
    """Start although the shuffle seems to need more than 60 % of the available memory or 90 % of the free disk (Beam's
    local runner; other runners spill to disks of their own and are not checked)."""

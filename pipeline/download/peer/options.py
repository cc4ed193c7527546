"""The option of `pipeline download` that says who fetches, and which other options img2dataset can honour."""

from dataclasses import Field, dataclass
from typing import Any, Literal

from schemas.option_group import OptionGroup

HONOURED = frozenset(
    {
        "fetcher", "output_format", "max_failed_fraction", "timeout_s", "retries", "concurrency", "image_size",
        "resize_mode", "resize_only_if_bigger", "encode_format", "encode_quality", "skip_reencode", "max_pixels",
        "disallowed_header_directives", "num_decode_processes",
    }
)  # fmt: skip
"""What img2dataset has an option for, what is ours alone, and what its threads make idle (num_decode_processes)."""

NEEDED = {
    "allow_private_addresses": (True, "img2dataset asks any address, private ones too"),
    "policy": ("headers-only", "img2dataset reads no opt-out but X-Robots-Tag"),
}
"""What must be said before it may run, where there is such an option: the value, and why."""


@dataclass(frozen=True, kw_only=True)
class PeerOptions(OptionGroup):
    """Who fetches the images."""

    fetcher: Literal["own", "img2dataset"] = "own"
    """img2dataset: run img2dataset itself, for comparison; table, stats and manifest are the same. It has no guard
    against private addresses, no limit of bytes, and a deadline only between two bytes: never for lists of strangers.
    Its User-Agent is that of a browser. Options that it has no counterpart for are refused."""


def check_honoured(options: Any, fields: tuple[Field[Any], ...]) -> None:
    """Raise ValueError that names the first option of `fields` that img2dataset cannot honour as it is set."""
    for field in fields:
        value = getattr(options, field.name)
        option = f"--{field.name.replace('_', '-')}"
        if field.name in NEEDED:
            needed, why = NEEDED[field.name]
            if value != needed:
                wanted = option if needed is True else f"{option} {needed}"
                raise ValueError(f"fetcher img2dataset needs {wanted}: {why}; found {value!r}")
        elif field.name not in HONOURED and value != field.default:
            raise ValueError(f"{field.name}: img2dataset has no such option, found {value!r}; leave out {option}")

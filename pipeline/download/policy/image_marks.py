"""An image's own marks: IPTC/PLUS data mining in its XMP, C2PA / CAWG training-mining in its manifest.

In: the bytes of an image. Out: signals. Both are looked for by a search for bytes that stand in every such image, and
parsed only where it finds them. A manifest counts as a wish whether or not anybody trusts its signer; what it allows
counts only when the manifest validates. No manifest is fetched from elsewhere.
"""

import json
import re
from functools import cache
from io import BytesIO
from typing import Any

from pipeline.download.policy.evidence import Signal, printable
from pipeline.download.policy.rsl import parsed_xml

PLUS = "http://ns.useplus.org/ldf/xmp/1.0/"
MAX_PACKET_BYTES = 256 << 10
MAX_PACKETS = 4
MAX_VALUES = 16
MAX_MANIFEST_IMAGE_BYTES = 32 << 20

MANIFEST_UNREADABLE = Signal("image", "training-mining", "unreadable", "")

_PROPERTY = b"DataMining"
_PACKETS = ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>"))
_DMI = re.compile(r"DMI-[A-Z]+(?:-[A-Z]+)*")
_DMI_VALUES = frozenset(
    f"DMI-{word}"
    for word in (
        "UNSPECIFIED", "ALLOWED", "PROHIBITED", "PROHIBITED-AIMLTRAINING", "PROHIBITED-GENAIMLTRAINING",
        "PROHIBITED-EXCEPTSEARCHENGINEINDEXING", "PROHIBITED-SEECONSTRAINT", "PROHIBITED-SEEEMBEDDEDRIGHTSEXPR",
    )
)  # fmt: skip

_SCAN, _APP2 = 0xDA, 0xE2
"""Markers of JPEG."""

_BOX, _ASSERTION, _COMPRESSED = b"jumb", b"training-mining", b"c2cm"
"""Of each manifest; of one that may speak of training. Most images have no box: one search tells it."""
_ENTRIES = {
    "ai_training": "ai-training", "ai_generative_training": "ai-generative-training", "data_mining": "data-mining",
    "ai_inference": "ai-inference",
}  # fmt: skip
_USES = ("allowed", "notAllowed", "constrained")
_MAGICS = (
    (b"\xff\xd8\xff", 0, "image/jpeg"), (b"\x89PNG\r\n\x1a\n", 0, "image/png"), (b"WEBP", 8, "image/webp"),
    (b"ftypavif", 4, "image/avif"), (b"GIF8", 0, "image/gif"), (b"II*\0", 0, "image/tiff"),
    (b"MM\0*", 0, "image/tiff"), (b"JXL ", 4, "image/jxl"),
)  # fmt: skip


def beside_pixels(data: bytes) -> bytes:
    """Return the bytes of an image in which marks are looked for.

    Of a JPEG what stands before its first scan and behind its last end mark, a hundredth of it; the whole where its
    segments name further pictures (MPF), or are not as they should be. The whole of all else.
    """
    if not data.startswith(b"\xff\xd8"):
        return data
    place = 2
    while data[place : place + 1] == b"\xff" and place + 4 <= len(data):
        marker = data[place + 1]
        if marker == _SCAN:
            end = data.rfind(b"\xff\xd9")
            return data[:place] + data[end:] if end > place else data
        if marker == _APP2 and data[place + 4 : place + 8] == b"MPF\0":
            return data
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data


def has_manifest_mark(data: bytes) -> bool:
    """Tell whether a manifest may speak of training; `data` is what is `beside_pixels`."""
    return _BOX in data and (_ASSERTION in data or _COMPRESSED in data)


def data_mining(data: bytes) -> list[Signal]:
    """Return the signals of plus:DataMining in the XMP packets of an image; `data` is what is `beside_pixels`."""
    if _PROPERTY not in data:
        return []
    found: dict[Signal, None] = {}
    for packet in _packets(data):
        root = parsed_xml(packet)
        if root is None:
            found[Signal("image", "data-mining", "unreadable", "")] = None
            continue
        for value in _values(root):
            word = _DMI.search(value)
            known = word[0] if word is not None and word[0] in _DMI_VALUES else "other"
            found[Signal("image", "data-mining", known, printable(value.strip()))] = None
    return list(found)


def _packets(data: bytes) -> list[bytes]:
    """Return the XMP packets that name the property, wherever they stand in the file."""
    for begin_tag, end_tag in _PACKETS:
        found: list[bytes] = []
        place = 0
        for _ in range(MAX_PACKETS):
            begin = data.find(begin_tag, place)
            if begin < 0:
                break
            end = data.find(end_tag, begin, begin + MAX_PACKET_BYTES)
            place = begin + len(begin_tag) if end < 0 else end + len(end_tag)
            packet = data[begin:place] if end >= 0 else data[begin : begin + MAX_PACKET_BYTES]
            if _PROPERTY in packet:
                found.append(packet)
        if found:
            return found
    return []


def _values(root: Any) -> list[str]:
    """Return the values of the property: an attribute of a description, or an element's text or resource."""
    name = f"{{{PLUS}}}DataMining"
    found: list[str] = []
    for element in root.iter():
        if len(found) >= MAX_VALUES:
            break
        if name in element.attrib:
            found.append(element.attrib[name])
        if element.tag == name:
            inner = "".join(element.itertext()).strip()
            resources = [value for key, value in element.attrib.items() if key.endswith("}resource")]
            found.append(inner or " ".join(resources))
    return found


def training_mining(data: bytes) -> list[Signal]:
    """Return the signals of the manifests in an image that `has_manifest_mark`. Takes milliseconds of most images.

    Native code reads what a stranger wrote: call it where a crash or an endless loop costs one image (`decode.worker`).
    """
    unreadable = [MANIFEST_UNREADABLE]
    kind = next((kind for magic, place, kind in _MAGICS if data[place : place + len(magic)] == magic), None)
    if kind is None or len(data) > MAX_MANIFEST_IMAGE_BYTES:
        return unreadable
    try:
        import c2pa  # an extra
    except ImportError:
        return unreadable
    try:
        with c2pa.Reader(kind, BytesIO(data), context=_context()) as reader:
            store = json.loads(reader.json())
    except (c2pa.C2paError, ValueError, RecursionError):
        return unreadable
    return _of_store(store)


@cache
def _context() -> Any:
    """Return how manifests are read: nothing is asked of the network, and signers need not be known."""
    import c2pa

    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}
    return c2pa.Context(c2pa.Settings.from_dict({"verify": verify}))


def _of_store(store: Any) -> list[Signal]:
    is_valid = store.get("validation_state") != "Invalid"
    found: dict[Signal, None] = {}
    for manifest in store.get("manifests", {}).values():
        for assertion in manifest.get("assertions", ()):
            if "training-mining" not in str(assertion.get("label", "")):
                continue
            data = assertion.get("data")
            entries = data.get("entries") if isinstance(data, dict) else None
            if not isinstance(entries, dict):
                found[MANIFEST_UNREADABLE] = None
                continue
            for label, entry in entries.items():
                name = _ENTRIES.get(str(label).rpartition(".")[2])
                if name is not None:
                    use = entry.get("use") if isinstance(entry, dict) else None
                    is_known = use in _USES and (use != "allowed" or is_valid)
                    value = str(use) if is_known else "other"
                    found[Signal("image", f"training-mining/{name}", value, printable(f"{label}={use}"))] = None
    return list(found)

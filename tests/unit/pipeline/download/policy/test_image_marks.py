"""An image's own marks: plus:DataMining in XMP, training-mining in a signed manifest."""

import asyncio
import datetime
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from pipeline.download.config import DownloadConfig
from pipeline.download.decode.pool import DecodePool
from pipeline.download.policy.evidence import Signal
from pipeline.download.policy.image_marks import MAX_VALUES, data_mining, has_manifest_mark, training_mining

CREATED = {
    "action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
}  # fmt: skip
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" {attribute}>{element}</rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)


def packet(value: str, form: str = "attribute") -> bytes:
    term = f"http://ns.useplus.org/ldf/vocab/{value}"
    forms = {
        "attribute": {"attribute": f'plus:DataMining="{term}"', "element": ""},
        "element": {"attribute": "", "element": f"<plus:DataMining>{term}</plus:DataMining>"},
        "resource": {"attribute": "", "element": f'<plus:DataMining rdf:resource="{term}"/>'},
    }
    return PACKET.format(**forms[form]).encode()


def saved(kind: str, xmp: bytes) -> bytes:
    sink = io.BytesIO()
    image = Image.new("RGB", (16, 16), (9, 99, 199))
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(sink, kind, pnginfo=info)
    else:
        image.save(sink, kind, xmp=xmp)
    return sink.getvalue()


def values(data: bytes) -> list[str]:
    return [signal.value for signal in data_mining(data)]


@pytest.mark.parametrize("form", ["attribute", "element", "resource"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_property_is_read_in_each_form_and_format(kind: str, form: str) -> None:
    assert values(saved(kind, packet("DMI-PROHIBITED-AIMLTRAINING", form))) == ["DMI-PROHIBITED-AIMLTRAINING"]


def test_other_values_broken_packets_and_images_without() -> None:
    assert values(saved("JPEG", packet("DMI-NEW-WORD"))) == ["other"]
    assert values(saved("JPEG", packet("DMI-ALLOWED").replace(b"</rdf:RDF>", b""))) == ["unreadable"]
    assert values(saved("JPEG", PACKET.format(attribute="", element="DataMining").encode())) == []
    assert values(saved("JPEG", b"<x:xmpmeta/>")) == []


def test_entities_are_not_read() -> None:
    text = b'<x:xmpmeta><!DOCTYPE a [<!ENTITY b "DataMining">]><a>&b;</a></x:xmpmeta>'
    assert values(saved("JPEG", text)) == ["unreadable"]


def test_many_values_are_bounded() -> None:
    element = "".join(f"<plus:DataMining>DMI-X{number}</plus:DataMining>" for number in range(100))
    assert len(data_mining(PACKET.format(attribute="", element=element).encode())) <= MAX_VALUES


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    data_mining(b"<x:xmpmeta DataMining" + data + b"</x:xmpmeta>")
    training_mining(data + b"training-mining")


def signer(c2pa: Any) -> Any:
    """Return a signer by a certificate made here: a root, and an end entity for signing content."""
    x509 = pytest.importorskip("cryptography.x509", reason="the package cryptography makes the certificates")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    def named(text: str) -> Any:
        oids = x509.oid.NameOID
        return x509.Name(
            [x509.NameAttribute(oids.COMMON_NAME, text), x509.NameAttribute(oids.ORGANIZATION_NAME, "test")]
        )

    begin, end = datetime.datetime(2020, 1, 1), datetime.datetime(2120, 1, 1)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def built(subject: str, public: Any, is_root: bool) -> Any:
        usage = {
            "digital_signature": not is_root, "content_commitment": False, "key_encipherment": False,
            "data_encipherment": False, "key_agreement": False, "key_cert_sign": is_root, "crl_sign": is_root,
            "encipher_only": False, "decipher_only": False,
        }  # fmt: skip
        builder = (
            x509.CertificateBuilder().subject_name(named(subject)).issuer_name(named("root")).public_key(public)
            .serial_number(7 + is_root).not_valid_before(begin).not_valid_after(end)
            .add_extension(x509.BasicConstraints(is_root, None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )  # fmt: skip
        if not is_root:
            email = x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION
            builder = builder.add_extension(x509.ExtendedKeyUsage([email]), critical=False)
        return builder.sign(root_key, hashes.SHA256())

    chain = [built("leaf", key.public_key(), False), built("root", root_key.public_key(), True)]
    text = "".join(found.public_bytes(serialization.Encoding.PEM).decode() for found in chain)

    def sign(data: bytes) -> bytes:
        first, second = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return bytes(first.to_bytes(32, "big") + second.to_bytes(32, "big"))

    return c2pa.Signer.from_callback(sign, c2pa.C2paSigningAlg.ES256, text)


@pytest.mark.parametrize(
    ("label", "entry", "use", "row"),
    [
        ("c2pa.training-mining", "c2pa.ai_training", "notAllowed", "training-mining/ai-training=notAllowed"),
        ("c2pa.training-mining", "c2pa.ai_training", "allowed", "training-mining/ai-training=allowed"),
        ("cawg.training-mining", "cawg.data_mining", "constrained", "training-mining/data-mining=constrained"),
        ("cawg.training-mining", "cawg.ai_generative_training", "notAllowed",
         "training-mining/ai-generative-training=notAllowed"),
        ("cawg.training-mining", "cawg.ai_training", "perhaps", "training-mining/ai-training=other"),
    ],
    ids=["not allowed", "allowed", "constrained", "generative", "other"],
)  # fmt: skip
def test_a_signed_manifest_is_read(label: str, entry: str, use: str, row: str) -> None:
    c2pa = pytest.importorskip("c2pa", reason="the extra c2pa is not installed: pip install -e '.[c2pa]'")
    plain = io.BytesIO()
    Image.new("RGB", (64, 64), (1, 2, 3)).save(plain, "JPEG")
    manifest = {
        "claim_generator_info": [{"name": "test", "version": "1"}], "title": "a.jpg", "format": "image/jpeg",
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [CREATED]}},
                       {"label": label, "data": {"entries": {entry: {"use": use}}}}],
    }  # fmt: skip
    signed = io.BytesIO()
    plain.seek(0)
    with c2pa.Builder(json.dumps(manifest)) as builder:
        builder.sign(signer(c2pa), "image/jpeg", plain, signed)
    data = signed.getvalue()
    assert has_manifest_mark(data)
    assert not has_manifest_mark(plain.getvalue())
    assert [signal.row for signal in training_mining(data)] == [row]
    assert asyncio.run(by_process(data)) == training_mining(data)


async def by_process(data: bytes) -> list[Signal]:
    async with DecodePool(DownloadConfig(selection="s", output="o", num_decode_processes=1)) as pool:
        return await pool.training_mining(data)

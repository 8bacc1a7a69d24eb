"""What a station's certificate request says, and whether its key may be certified. Pure."""

import hashlib

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

LONGEST_CSR = 5500
SMALLEST_RSA_BITS = 2048
SMALLEST_CURVE_BITS = 256
WEAK_HASHES = (hashes.MD5, hashes.SHA1)


class BadRequest(ValueError):
    """A request that is not signed; the text is the reason, for the operator."""


class StationRequest(msgspec.Struct, frozen=True):
    """A readable request: whose it says it is, and its SHA-256, by which a repetition is known."""

    organisation: str
    common_name: str
    digest: bytes


def read_csr(pem: str) -> StationRequest:
    """Read a PEM request (PKCS #10). Raises BadRequest: unreadable, not signed by its own key, weak key, no O or CN."""
    if len(pem) > LONGEST_CSR:
        raise BadRequest("the request is too long")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        signed = request.is_signature_valid
        weak = isinstance(request.signature_hash_algorithm, WEAK_HASHES) or not _strong(request.public_key())
    except (ValueError, InvalidSignature, UnsupportedAlgorithm, TypeError) as error:
        raise BadRequest(f"the request cannot be read ({type(error).__name__})") from None
    if not signed:
        raise BadRequest("the request is not signed with its own key")
    if weak:
        raise BadRequest("the key or its signature is too weak: RSA from 2048 bits, or a curve from 256 bits, with SHA-256")
    organisation, common_name = _one(request, NameOID.ORGANIZATION_NAME), _one(request, NameOID.COMMON_NAME)
    return StationRequest(organisation, common_name, hashlib.sha256(request.public_bytes(serialization.Encoding.DER)).digest())


def _one(request: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> str:
    found = request.subject.get_attributes_for_oid(oid)
    if len(found) != 1 or not isinstance(found[0].value, str) or not found[0].value:
        raise BadRequest("the request needs exactly one organisation (O) and one common name (CN)")
    return found[0].value


def _strong(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= SMALLEST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= SMALLEST_CURVE_BITS

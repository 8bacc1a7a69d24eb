"""An IBAN as people write it. Pure."""

from stdnum import iban as iban_number
from stdnum.exceptions import ValidationError

from app.kernel.errors import Refused


def plain_iban(text: str) -> str:
    """An IBAN without blanks. Raises Refused bad_iban where its check digits or length are wrong."""
    try:
        return str(iban_number.validate(text))
    except ValidationError as error:
        raise Refused("bad_iban", 422, "This IBAN is not right: check its digits.", fields=["iban"]) from error

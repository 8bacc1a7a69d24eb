"""What all ISO 20022 files of ours have in common: identifications, elements, the bank of an account. Pure."""

import re
from xml.etree.ElementTree import Element, SubElement

# Identifications: the basic set, no slash at the ends nor two in a row.
IDENTIFICATION = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9+?/:().,' -]{1,35}(?<!/)")
MOST_MESSAGE_ID = 33


def texts(parent: Element, **children: str) -> None:
    """Elements with a text, in this order."""
    for name, text in children.items():
        SubElement(parent, name).text = text


def agent(node: Element, account: str) -> None:
    """The bank of an account: of a Swiss one its clearing number, else left to the bank that gets the file."""
    if account[:2] in ("CH", "LI") and account[4:9].isdecimal():
        member = SubElement(node, "ClrSysMmbId")
        texts(SubElement(member, "ClrSysId"), Cd="CHBCC")
        texts(member, MmbId=str(int(account[4:9])))
    else:
        texts(SubElement(node, "Othr"), Id="NOTPROVIDED")

"""A bill in euro carries EN 16931 XML: valid by its schema, equal to what is printed, the same bytes each time."""

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import resources

import facturx
import msgspec
import pikepdf
import pytest
from lxml import etree
from saxonche import PySaxonProcessor

from app.billing.credit_notes import opposite_of
from app.billing.documents.bill import BillDocument, render_bill
from app.tariffs.model import VatGroup
from tests.billing.documents.bills import GERMAN_IBAN, bill
from tests.billing.documents.test_energy_bill import energy_bill

SVRL = "{http://purl.oclc.org/dsdl/svrl}"
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


def in_euro(document: BillDocument) -> BillDocument:
    german = {"country": "DE", "postcode": "79098", "city": "Freiburg"}
    return msgspec.structs.replace(
        document, currency="EUR", iban=GERMAN_IBAN, reference="RF18539007547034", vat_number="DE136695976",
        creditor=msgspec.structs.replace(document.creditor, **german), resident=msgspec.structs.replace(document.resident, **german),
    )  # fmt: skip


def exempt_part() -> BillDocument:
    """Solar of an owner who is not liable to VAT: two groups, one of them without."""
    document = energy_bill()
    solar, *rest = document.positions
    net = document.net_minor - solar.amount_minor
    groups = (VatGroup(rate=Decimal(0), net_minor=solar.amount_minor, vat_minor=0, gross_minor=solar.amount_minor),
              VatGroup(rate=Decimal("0.081"), net_minor=net, vat_minor=325, gross_minor=net + 325))  # fmt: skip
    gross = document.net_minor + 325
    return msgspec.structs.replace(document, positions=(msgspec.structs.replace(solar, vat_rate=Decimal(0)), *rest), vat=groups,
                                   vat_minor=325, gross_minor=gross)  # fmt: skip


BILLS = {"charging": bill, "electricity": energy_bill, "partly exempt": exempt_part}


def xml_of(pdf: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(pdf)) as file:
        return bytes(file.attachments["factur-x.xml"].get_file().read_bytes())


def texts(xml: bytes, name: str) -> list[str]:
    return [node.text or "" for node in etree.fromstring(xml).iter(RAM + name)]


@pytest.mark.parametrize("name", BILLS)
@pytest.mark.parametrize("credited", [False, True], ids=["bill", "credit note"])
def test_the_xml_is_valid_and_says_what_the_bill_says(name: str, credited: bool) -> None:
    document = in_euro(BILLS[name]())
    document = opposite_of(document, "G2026-000001") if credited else document
    xml = xml_of(render_bill(document))
    facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    sign = -1 if credited else 1
    assert texts(xml, "GrandTotalAmount") == [f"{Decimal(sign * document.gross_minor) / 100:.2f}"]
    assert texts(xml, "DuePayableAmount") == [f"{Decimal(sign * document.payable_minor) / 100:.2f}"]
    lines = [Decimal(text) for text in texts(xml, "LineTotalAmount")]  # each line's, then their sum
    assert sum(lines[:-1]) == lines[-1] == Decimal(sign * document.net_minor) / 100
    assert all(Decimal(text) >= 0 for text in texts(xml, "ChargeAmount"))


@pytest.fixture(scope="module")
def broken_rules() -> Iterator[Callable[[bytes], set[str]]]:
    """The rules of EN 16931 and of Factur-X that an XML breaks, by the published Schematron."""
    rules = resources.files("facturx") / "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
    with PySaxonProcessor(license=False) as saxon:
        checker = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(rules))

        def broken(xml: bytes) -> set[str]:
            report = etree.fromstring(checker.transform_to_string(xdm_node=saxon.parse_xml(xml_text=xml.decode())).encode())
            assert len(list(report.iter(f"{SVRL}fired-rule"))) > 20
            return {str(found.get("id")) for found in report.iter(f"{SVRL}failed-assert")}

        yield broken


@pytest.mark.parametrize("name", BILLS)
@pytest.mark.parametrize("credited", [False, True], ids=["bill", "credit note"])
def test_the_xml_keeps_the_rules_of_the_standard_beyond_its_schema(name: str, credited: bool, broken_rules) -> None:
    document = in_euro(BILLS[name]())
    assert broken_rules(xml_of(render_bill(opposite_of(document, "G2026-000001") if credited else document))) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"<ram:GrandTotalAmount>", b"<ram:GrandTotalAmount>1"), (b"<ram:CountryID>DE</ram:CountryID>", b"<ram:CountryID>XX</ram:CountryID>"),
     (b"<ram:TaxBasisTotalAmount>", b"<ram:TaxBasisTotalAmount>1")],
    ids=["total", "country", "basis"],
)  # fmt: skip
def test_an_xml_that_does_not_add_up_or_names_no_country_breaks_a_rule(old: bytes, new: bytes, broken_rules) -> None:
    xml = xml_of(render_bill(in_euro(bill())))
    assert old in xml and broken_rules(xml.replace(old, new))


def test_a_broken_xml_is_found_by_the_same_check() -> None:
    xml = xml_of(render_bill(in_euro(bill())))
    with pytest.raises(Exception, match=r"GrandTotalSum"):
        facturx.xml_check_xsd(xml.replace(b"GrandTotalAmount", b"GrandTotalSum"), flavor="factur-x", level="en16931")


def test_the_file_stays_tagged_and_says_what_is_inside_and_is_the_same_each_time() -> None:
    first = render_bill(in_euro(bill()))
    assert first == render_bill(in_euro(bill()))
    with pikepdf.open(io.BytesIO(first)) as file:
        packet = file.Root.Metadata.read_bytes().decode()
        assert file.Root.MarkInfo.Marked and str(file.Root.AF[0].AFRelationship) == "/Alternative"
    etree.fromstring(packet.encode())
    for entry in ("<pdfaid:part>3<", "<pdfuaid:part>1<", "<fx:ConformanceLevel>EN 16931<", "<fx:DocumentFileName>factur-x.xml<"):
        assert entry in packet


def test_bills_in_francs_carry_none() -> None:
    with pikepdf.open(io.BytesIO(render_bill(bill()))) as file:
        assert not file.attachments


def test_letters_that_the_fonts_lack_stay_in_the_xml_and_control_characters_do_not() -> None:
    document = in_euro(bill())
    resident = msgspec.structs.replace(document.resident, name="Жанна\x01 Петрова & Söhne")
    xml = xml_of(render_bill(msgspec.structs.replace(document, resident=resident)))
    assert "Жанна  Петрова & Söhne" in texts(xml, "Name")

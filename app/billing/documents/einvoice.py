"""A bill in euro as EN 16931 wants it (Factur-X): XML inside the PDF, which stays PDF/A-3. The same bill gives the same bytes."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import pikepdf
from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document
from drafthorse.models.party import TaxRegistration
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.tradelines import LineItem

from app.billing.qr_slip import plain_reference
from app.kernel.money import round_half_up, to_major
from app.tariffs.model import PriceLine, VatGroup

if TYPE_CHECKING:
    from app.billing.documents.bill import BillDocument, Party

GUIDELINE = "urn:cen.eu:en16931:2017"
INVOICE, CREDIT_NOTE, TRANSFER = "380", "381", "58"
UNITS = {"kWh": "KWH", "min": "MIN", "kW": "KWT", "day": "DAY", "month": "MON"}  # UN/ECE recommendation 20; else a piece
NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PROPERTIES = ("DocumentFileName", "DocumentType", "Version", "ConformanceLevel")
SCHEMA = (
    '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
    f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
    "<pdfaSchema:property><rdf:Seq>"
    + "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text'
        "</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{name}</pdfaProperty:description></rdf:li>"
        for name in PROPERTIES
    )
    + "</rdf:Seq></pdfaSchema:property></rdf:li>"
)
EXTENSIONS = (
    '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
    ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
    f"<pdfaExtension:schemas><rdf:Bag>{SCHEMA}</rdf:Bag></pdfaExtension:schemas></rdf:Description>"
)
ENTRIES = (
    f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}"><fx:DocumentType>INVOICE</fx:DocumentType>'
    "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName><fx:Version>1.0</fx:Version>"
    "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>"
)


def net_lines(positions: Sequence[PriceLine], vat: Sequence[VatGroup]) -> list[tuple[PriceLine, Decimal, int]]:
    """(position, rate, net minor); the nets of a rate sum to its group. Prices with VAT lose it line by line, the largest line the rest."""
    found: list[tuple[PriceLine, Decimal, int]] = []
    for group in vat:
        mine = [line for line in positions if (group.rate if line.vat_rate is None else line.vat_rate) == group.rate]
        whole = sum(line.amount_minor for line in mine)
        nets = [line.amount_minor for line in mine]
        if whole != group.net_minor:
            nets = [round_half_up(Decimal(line.amount_minor) / (1 + group.rate)) for line in mine]
            if mine:
                largest = max(range(len(mine)), key=lambda n: (abs(nets[n]), -n))
                nets[largest] += group.net_minor - sum(nets)
        found += [(line, group.rate, net) for line, net in zip(mine, nets, strict=True)]
    return found


def invoice_xml(bill: "BillDocument", labels: Sequence[str]) -> bytes:
    """The bill as UN/CEFACT XML, `labels` naming its positions. A credit note has its amounts above zero and names its bill."""
    sign = -1 if bill.corrects else 1
    document = Document()
    document.context.guideline_parameter.id = GUIDELINE
    document.header.id, document.header.type_code = bill.number, CREDIT_NOTE if bill.corrects else INVOICE
    document.header.issue_date_time = bill.issued_on
    named = {id(line): label for line, label in zip(bill.positions, labels, strict=True)}
    for number, (line, rate, net_minor) in enumerate(net_lines(bill.positions, bill.vat), start=1):
        document.trade.items.add(_item(number, named[id(line)], line, rate, sign * net_minor, bill.currency))
    agreement = document.trade.agreement
    _party(agreement.seller, bill.creditor)
    _party(agreement.buyer, bill.resident)
    if bill.vat_number:
        scheme = "VA" if bill.vat_number[:2].isalpha() and bill.vat_number[2:3] != "E" else "FC"
        agreement.seller.tax_registrations.add(TaxRegistration(id=(scheme, "".join(bill.vat_number.split()))))
    document.trade.delivery.event.occurrence = bill.period_end
    _settlement(document, bill, sign)
    body: bytes = document.serialize(schema=None)
    return body


def _plain(text: str) -> str:
    """Without what XML forbids; every letter stays."""
    return "".join(char if char.isprintable() else " " for char in text)


def _party(node: object, party: "Party") -> None:
    node.name = _plain(party.name)  # type: ignore[attr-defined]
    address = node.address  # type: ignore[attr-defined]
    address.postcode, address.line_one, address.city_name = _plain(party.postcode), _plain(party.street), _plain(party.city)
    address.country_id = party.country


def _item(number: int, label: str, line: PriceLine, rate: Decimal, net_minor: int, currency: str) -> LineItem:
    """Quantity and amount have the same sign and the price is never below zero, as EN 16931 asks."""
    item, unit, net = LineItem(), UNITS.get(line.unit, "C62"), to_major(net_minor, currency)
    quantity = abs(line.quantity) or Decimal(1)
    item.document.line_id, item.product.name = str(number), _plain(label)
    item.agreement.net.amount = (abs(net) / quantity).quantize(Decimal("0.000001"))
    item.agreement.net.basis_quantity = (Decimal(1), unit)
    item.delivery.billed_quantity = (quantity if net >= 0 else -quantity, unit)
    tax = item.settlement.trade_tax
    tax.type_code, tax.category_code, tax.rate_applicable_percent = "VAT", "S" if rate else "E", rate * 100
    item.settlement.monetary_summation.total_amount = net
    return item


def _settlement(document: Document, bill: "BillDocument", sign: int) -> None:
    settlement = document.trade.settlement
    settlement.currency_code, settlement.payment_reference = bill.currency, plain_reference(bill.reference)
    settlement.period.start, settlement.period.end = bill.period_start, bill.period_end
    means = PaymentMeans()
    means.type_code = TRANSFER
    means.payee_account.iban = plain_reference(bill.iban)
    settlement.payment_means.add(means)
    for group in bill.vat:
        tax = ApplicableTradeTax()
        tax.type_code, tax.category_code, tax.rate_applicable_percent = "VAT", "S" if group.rate else "E", group.rate * 100
        tax.basis_amount, tax.calculated_amount = (to_major(sign * minor, bill.currency) for minor in (group.net_minor, group.vat_minor))
        if not group.rate:
            tax.exemption_reason = "The supplier is not liable to VAT"
        settlement.trade_tax.add(tax)
    terms = PaymentTerms()
    terms.due = bill.due_on
    settlement.terms.add(terms)
    if bill.corrects:
        settlement.invoice_referenced_document.issuer_assigned_id = bill.corrects
    net, vat, gross, paid, due = (
        to_major(sign * minor, bill.currency)
        for minor in (bill.net_minor, bill.vat_minor, bill.gross_minor, bill.credit_minor, bill.payable_minor)
    )
    total = settlement.monetary_summation
    total.line_total, total.tax_basis_total, total.tax_total, total.grand_total = net, net, (vat, bill.currency), gross
    total.prepaid_total, total.due_amount = paid, due


def marked_factur_x(pdf: bytes) -> bytes:
    """The PDF with the entries that tell a reader of the XML inside; tags, conformance and identity stay."""
    with pikepdf.open(io.BytesIO(pdf)) as file:
        packet = file.Root.Metadata.read_bytes().decode()
        bag = "<pdfaExtension:schemas><rdf:Bag>"
        packet = packet.replace(bag, bag + SCHEMA, 1) if bag in packet else packet.replace("</rdf:RDF>", f"{EXTENSIONS}</rdf:RDF>", 1)
        file.Root.Metadata.write(packet.replace("</rdf:RDF>", f"{ENTRIES}</rdf:RDF>", 1).encode())
        out = io.BytesIO()
        file.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()

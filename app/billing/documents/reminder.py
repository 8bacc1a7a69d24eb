"""The letter of a reminder: what is open, since when, how to pay it now, and how to say that something is wrong."""

from datetime import date

import msgspec

from app.billing.documents import words
from app.billing.documents.bill import BillDocument, Party, bill_data
from app.billing.documents.render import render


def render_reminder(bill: BillDocument, resident: Party, level: int, open_minor: int, sent_on: date, *, owner_told: bool) -> bytes:
    """The letter as PDF/A-3a, PDF/UA-1, with the bill's reference and what is open of it. The same input, the same bytes.

    Raises DocumentFailed.
    """
    t, form = words.texts(bill.locale), words.region(bill.locale, bill.creditor.country)
    left = msgspec.structs.replace(bill, resident=resident, credit_minor=bill.gross_minor - open_minor)
    data = bill_data(left)
    title = f"{t['reminder'].format(level=level)} · {data['title']}"
    due = words.day(bill.due_on, form)
    amount = f"{bill.currency} {words.money(open_minor, bill.currency, form)}"
    opened = t["reminder_open"].format(number=bill.number, issued=words.day(bill.issued_on, form), amount=amount, due=due)
    told = [t["reminder_owner"]] if owner_told else []
    facts = [(t["bill_no"], bill.number), (t["issued"], words.day(sent_on, form)), (t["period"], dict(data["facts"])[t["period"]])]
    return render("reminder", {
        **data, "title": title, "facts": facts, "paragraphs": [opened, t["reminder_please"], *told, t["reminder_wrong"]],
        "footer": f"{words.shortened(bill.creditor.name, 70)} · {title}",
    }, sent_on)  # fmt: skip

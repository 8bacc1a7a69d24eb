"""Bank files of three versions, put together as the banks' own handbooks show them."""

from xml.sax.saxutils import escape

QRR, SCOR = "210000000003139471430009017", "RF18539007547034"
VERSIONS = ["camt.053.001.02", "camt.053.001.04", "camt.053.001.08", "camt.054.001.02", "camt.054.001.04", "camt.054.001.08"]


def payment(version: str, amount: str, reference: str = "", text: str = "", payer: str = "Anna Muster", iban: str = "") -> str:
    """One TxDtls: amount and debtor stand where the version has them."""
    number = version[-2:]
    amounts = f'<AmtDtls><TxAmt><Amt Ccy="CHF">{amount}</Amt></TxAmt></AmtDtls>' if number == "02" else f'<Amt Ccy="CHF">{amount}</Amt>'
    name = f"<Pty><Nm>{escape(payer)}</Nm></Pty>" if number == "08" else f"<Nm>{escape(payer)}</Nm>"
    account = f"<DbtrAcct><Id><IBAN>{iban}</IBAN></Id></DbtrAcct>" if iban else ""
    structured = f"<Strd><CdtrRefInf><Tp/><Ref>{reference}</Ref></CdtrRefInf></Strd>" if reference else ""
    free = f"<Ustrd>{escape(text)}</Ustrd>" if text else ""
    return (
        f"<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>{amounts}<CdtDbtInd>CRDT</CdtDbtInd>"
        f"<RltdPties><Dbtr>{name}</Dbtr>{account}</RltdPties><RmtInf>{free}{structured}</RmtInf></TxDtls>"
    )


def entry(
    version: str, amount: str, payments: str = "", side: str = "CRDT", bank_reference: str = "ZB-1", status: str = "BOOK",
    members: int = 0, currency: str = "CHF",
) -> str:  # fmt: skip
    """One Ntry of 4 November 2026."""
    state = f"<Sts>{status}</Sts>" if version[-2:] == "02" else f"<Sts><Cd>{status}</Cd></Sts>"
    batch = f"<Btch><NbOfTxs>{members}</NbOfTxs></Btch>" if members else ""
    return (
        f'<Ntry><NtryRef>CH44</NtryRef><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{state}'
        f"<BookgDt><Dt>2026-11-04</Dt></BookgDt><AcctSvcrRef>{bank_reference}</AcctSvcrRef>"
        f"<NtryDtls>{batch}{payments}</NtryDtls></Ntry>"
    )


def camt(version: str, *entries: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    """The file around them."""
    message, statement = ("BkToCstmrStmt", "Stmt") if "053" in version else ("BkToCstmrDbtCdtNtfctn", "Ntfctn")
    return (
        f'{head}<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><{message}><GrpHdr><MsgId>M-1</MsgId></GrpHdr>'
        f"<{statement}><Id>1</Id><Acct><Id><IBAN>CH4431999123000889012</IBAN></Id></Acct>{''.join(entries)}</{statement}>"
        f"</{message}></Document>"
    ).encode()

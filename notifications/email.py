"""Sending, nothing else: by SMTP, or as .eml files in the data folder where no server is set."""

import asyncio
import smtplib
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.kernel.settings import Settings
from notifications.rules import Mail

SENDER = "hofstrom@localhost"


async def send(settings: Settings, recipient: str, mail: Mail, name: str) -> None:
    """Send one mail. Raises OSError or smtplib.SMTPException; the job is then tried again."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, recipient, mail.subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="hofstrom")
    message.set_content(mail.text)
    for file, content in mail.attached:
        message.add_attachment(content, maintype="application", subtype="pdf", filename=file)
    if settings.smtp_url:
        await asyncio.to_thread(_by_smtp, settings.smtp_url, message)
    else:
        await asyncio.to_thread(_to_file, settings.data / "mail", f"{name}.eml", message)


def _to_file(folder: Path, name: str, message: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(bytes(message))


def _by_smtp(url: str, message: EmailMessage) -> None:
    parts = urlsplit(url)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname or "localhost", parts.port or 0, timeout=20) as server:
        if parts.scheme == "smtp" and parts.username:
            server.starttls()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)

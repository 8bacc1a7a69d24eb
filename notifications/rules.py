"""An event and a language make a message. Pure."""

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """A mail before it is sent."""

    subject: str
    text: str


LINK = {
    "de": ("Ihr Anmeldelink", "Guten Tag\n\nMit diesem Link melden Sie sich an. Er gilt 15 Minuten und einmal:\n\n{link}\n\n"
           "Sie haben keinen Link verlangt? Dann können Sie diese Nachricht löschen.\n"),
    "fr": ("Votre lien de connexion", "Bonjour\n\nCe lien vous connecte. Il vaut 15 minutes et une seule fois :\n\n{link}\n\n"
           "Vous n’avez pas demandé de lien ? Vous pouvez effacer ce message.\n"),
    "it": ("Il Suo link di accesso", "Buongiorno\n\nCon questo link accede. Vale 15 minuti e una sola volta:\n\n{link}\n\n"
           "Non ha chiesto un link? Può cancellare questo messaggio.\n"),
    "en": ("Your sign-in link", "Hello\n\nThis link signs you in. It is valid for 15 minutes and once:\n\n{link}\n\n"
           "You did not ask for a link? Then you can delete this message.\n"),
}  # fmt: skip
BILL = {
    "de": ("Ihre Rechnung {number}", "Guten Tag\n\nIhre Laderechnung {number} liegt bereit: {amount}, zahlbar bis {due}.\n\n{link}\n"),
    "fr": ("Votre facture {number}", "Bonjour\n\nVotre facture {number} est prête : {amount}, payable jusqu’au {due}.\n\n{link}\n"),
    "it": ("La Sua fattura {number}", "Buongiorno\n\nLa Sua fattura {number} è pronta: {amount}, pagabile entro il {due}.\n\n{link}\n"),
    "en": ("Your bill {number}", "Hello\n\nYour charging bill {number} is ready: {amount}, payable by {due}.\n\n{link}\n"),
}  # fmt: skip


def link_mail(locale: str, public_url: str, token: str) -> Mail:
    """The mail with a one-time link; the token stands behind #, which browsers send to no server."""
    subject, text = LINK[locale]
    return Mail(subject, text.format(link=f"{public_url}/signin#{token}"))


def bill_mail(locale: str, public_url: str, bill_id: str, number: str, amount: str, due: str) -> Mail:
    """The mail that a bill is ready."""
    subject, text = BILL[locale]
    link = f"{public_url}/bills/{bill_id}"
    return Mail(subject.format(number=number), text.format(number=number, amount=amount, due=due, link=link))

"""An event and a language make a message. Pure."""

from collections.abc import Sequence

import msgspec


class Mail(msgspec.Struct, frozen=True):
    """A mail before it is sent. `attached` are PDFs by their file names."""

    subject: str
    text: str
    attached: tuple[tuple[str, bytes], ...] = ()


LINK = {
    "de": ("Ihr Anmeldelink", "Guten Tag\n\nMit diesem Link melden Sie sich an. Er gilt 15 Minuten und einmal:\n\n{link}\n\n"
           "Sie haben keinen Link verlangt? Dann können Sie diese Nachricht löschen.\n"),
    "fr": ("Votre lien de connexion", "Bonjour\n\nCe lien vous connecte. Il vaut 15 minutes et une seule fois :\n\n{link}\n\n"
           "Vous n’avez pas demandé de lien ? Vous pouvez effacer ce message.\n"),
    "it": ("Il Suo link di accesso", "Buongiorno\n\nCon questo link accede. Vale 15 minuti e una sola volta:\n\n{link}\n\n"
           "Non ha chiesto un link? Può cancellare questo messaggio.\n"),
    "en": ("Your sign-in link", "Hello\n\nThis link signs you in. It is valid for 15 minutes and once:\n\n{link}\n\n"
           "You did not ask for a link? Then you can delete this message.\n"),
    "nl": ("Uw aanmeldlink", "Goedendag\n\nMet deze link meldt u zich aan. Hij is 15 minuten en eenmaal geldig:\n\n{link}\n\n"
           "Hebt u geen link gevraagd? Dan kunt u dit bericht verwijderen.\n"),
}  # fmt: skip
BILL = {
    "de": ("Ihre Rechnung {number}", "Guten Tag\n\nIhre Rechnung {number} liegt bereit: {amount}, zahlbar bis {due}.\n\n{link}\n"),
    "fr": ("Votre facture {number}", "Bonjour\n\nVotre facture {number} est prête : {amount}, payable jusqu’au {due}.\n\n{link}\n"),
    "it": ("La Sua fattura {number}", "Buongiorno\n\nLa Sua fattura {number} è pronta: {amount}, pagabile entro il {due}.\n\n{link}\n"),
    "en": ("Your bill {number}", "Hello\n\nYour bill {number} is ready: {amount}, payable by {due}.\n\n{link}\n"),
    "nl": ("Uw rekening {number}", "Goedendag\n\nUw rekening {number} staat klaar: {amount}, te betalen tot {due}.\n\n{link}\n"),
}  # fmt: skip
REMINDER = {
    "de": ("{level}. Mahnung zur Rechnung {number}", "Guten Tag\n\nVon Ihrer Rechnung {number} sind noch {amount} offen, fällig seit {due}."
           " Bitte zahlen Sie in den nächsten zehn Tagen. Stimmt etwas nicht, melden Sie es hier; dann ruht die Mahnung:\n\n{link}\n"),
    "fr": ("{level}e rappel de la facture {number}", "Bonjour\n\nDe votre facture {number}, {amount} restent à payer depuis le {due}."
           " Veuillez payer dans les dix jours. Si quelque chose ne va pas, dites-le ici ; le rappel est alors suspendu :\n\n{link}\n"),
    "it": ("{level}° sollecito per la fattura {number}", "Buongiorno\n\nDella Sua fattura {number} restano da pagare {amount} dal {due}. La"
           " preghiamo di pagare entro dieci giorni. Se qualcosa non va, lo dica qui; il sollecito è sospeso:\n\n{link}\n"),
    "en": ("Reminder {level} of bill {number}", "Hello\n\nOf your bill {number}, {amount} are still open and were due on {due}."
           " Please pay within ten days. If something is wrong, say so here; reminders then rest:\n\n{link}\n"),
    "nl": ("{level}e herinnering voor rekening {number}", "Goedendag\n\nVan uw rekening {number} staat nog {amount} open, vervallen op"
           " {due}. Betaal binnen tien dagen. Klopt er iets niet, meld het hier; dan rust de herinnering:\n\n{link}\n"),
}  # fmt: skip
OWNER_TOLD = {
    "de": ("{level}. Mahnung an {name}", "Guten Tag\n\nWir haben {name} zum {level}. Mal gemahnt: Rechnung {number}, offen {amount}, fällig"
           " seit {due}.\n"),
    "fr": ("{level}e rappel à {name}", "Bonjour\n\nNous avons envoyé à {name} le {level}e rappel : facture {number}, {amount} ouverts,"
           " échus le {due}.\n"),
    "it": ("{level}° sollecito a {name}", "Buongiorno\n\nAbbiamo inviato a {name} il {level}° sollecito: fattura {number}, aperti {amount},"
           " scaduti il {due}.\n"),
    "en": ("Reminder {level} to {name}", "Hello\n\nWe have sent {name} reminder {level}: bill {number}, {amount} open, due on {due}.\n"),
    "nl": ("{level}e herinnering aan {name}", "Goedendag\n\nWij hebben {name} de {level}e herinnering gestuurd: rekening {number}, open"
           " {amount}, vervallen op {due}.\n"),
}  # fmt: skip


LICENCE = {
    "de": ("Lizenz von {name} läuft am {day} ab", "Guten Tag\n\nDie Lizenz des Kontos {name} läuft am {day} ab{when}. Die Daten bleiben"
           " erhalten. Hier verlängern Sie um ein Jahr:\n\n{link}\n"),
    "fr": ("La licence de {name} expire le {day}", "Bonjour\n\nLa licence du compte {name} expire le {day}{when}. Les données sont"
           " conservées. Vous la renouvelez ici pour un an :\n\n{link}\n"),
    "it": ("La licenza di {name} scade il {day}", "Buongiorno\n\nLa licenza dell’account {name} scade il {day}{when}. I dati restano"
           " conservati. Qui la rinnova per un anno:\n\n{link}\n"),
    "en": ("The licence of {name} ends on {day}", "Hello\n\nThe licence of the account {name} ends on {day}{when}. The data are kept."
           " Here you renew it for a year:\n\n{link}\n"),
    "nl": ("De licentie van {name} loopt af op {day}", "Goedendag\n\nDe licentie van het account {name} loopt af op {day}{when}. De"
           " gegevens blijven bewaard. Hier verlengt u met een jaar:\n\n{link}\n"),
}  # fmt: skip
WHEN = {
    "de": {"month_before": ", in einem Monat", "week_before": ", in einer Woche", "on_the_day": ", also heute"},
    "fr": {"month_before": ", dans un mois", "week_before": ", dans une semaine", "on_the_day": ", c’est-à-dire aujourd’hui"},
    "it": {"month_before": ", tra un mese", "week_before": ", tra una settimana", "on_the_day": ", cioè oggi"},
    "en": {"month_before": ", in a month", "week_before": ", in a week", "on_the_day": ", which is today"},
    "nl": {"month_before": ", over een maand", "week_before": ", over een week", "on_the_day": ", dus vandaag"},
}


def licence_mail(locale: str, public_url: str, name: str, kind: str, day: str) -> Mail:
    """The reminder that a licence ends."""
    subject, text = LICENCE[locale]
    link = f"{public_url}/console/accounts"
    return Mail(subject.format(name=name, day=day), text.format(name=name, day=day, when=WHEN[locale][kind], link=link))


SITE_FORM = {
    "de": ("Ihre Angaben zu {name}", "Guten Tag\n\nFür {name} brauchen wir drei kurze Angaben: wer Eigentümer ist, welche Lösungen Sie"
           " wünschen, und die Preise. Der Link gilt bis {day}:\n\n{link}\n"),
    "fr": ("Vos indications pour {name}", "Bonjour\n\nPour {name}, il nous faut trois indications : qui est propriétaire, quelles"
           " solutions vous souhaitez, et les prix. Le lien est valable jusqu’au {day} :\n\n{link}\n"),
    "it": ("I Suoi dati per {name}", "Buongiorno\n\nPer {name} ci servono tre indicazioni: chi è proprietario, quali soluzioni desidera,"
           " e i prezzi. Il link vale fino al {day}:\n\n{link}\n"),
    "en": ("Your details for {name}", "Hello\n\nFor {name} we need three short answers: who owns it, which solutions you want, and the"
           " prices. The link is valid until {day}:\n\n{link}\n"),
    "nl": ("Uw gegevens voor {name}", "Goedendag\n\nVoor {name} hebben wij drie antwoorden nodig: wie eigenaar is, welke oplossingen u"
           " wenst, en de prijzen. De link is geldig tot {day}:\n\n{link}\n"),
}  # fmt: skip


INVITATION = {
    "de": ("Ihr Zugang zu {name}", "Guten Tag\n\nSie erhalten einen persönlichen Zugang zu {name}. Mit diesem Link wählen Sie Ihr"
           " Passwort. Er gilt bis {day} und einmal:\n\n{link}\n\nGeben Sie ihn nicht weiter: Jede Person erhält ihren eigenen Zugang.\n"),
    "fr": ("Votre accès à {name}", "Bonjour\n\nVous recevez un accès personnel à {name}. Ce lien vous permet de choisir votre mot de"
           " passe. Il vaut jusqu’au {day} et une seule fois :\n\n{link}\n\nNe le transmettez pas : chaque personne reçoit son"
           " propre accès.\n"),
    "it": ("Il Suo accesso a {name}", "Buongiorno\n\nRiceve un accesso personale a {name}. Con questo link sceglie la Sua password."
           " Vale fino al {day} e una sola volta:\n\n{link}\n\nNon lo inoltri: ogni persona riceve il proprio accesso.\n"),
    "en": ("Your access to {name}", "Hello\n\nYou are given personal access to {name}. With this link you choose your password. It is"
           " valid until {day} and once:\n\n{link}\n\nPlease do not pass it on: every person gets access of their own.\n"),
    "nl": ("Uw toegang tot {name}", "Goedendag\n\nU krijgt persoonlijke toegang tot {name}. Met deze link kiest u uw wachtwoord. Hij is"
           " geldig tot {day} en eenmaal:\n\n{link}\n\nGeef hem niet door: iedere persoon krijgt een eigen toegang.\n"),
}  # fmt: skip


ORDER = {
    "de": ("Bestellung für {name} bestätigt", "Guten Tag\n\nIhre Bestellung für {name} ist bestätigt:\n\n{lines}\n\nSie wird bis {day}"
           " geliefert. Hier sehen Sie ihren Stand:\n\n{link}\n"),
    "fr": ("Commande pour {name} confirmée", "Bonjour\n\nVotre commande pour {name} est confirmée :\n\n{lines}\n\nElle sera livrée"
           " jusqu’au {day}. Son état se trouve ici :\n\n{link}\n"),
    "it": ("Ordine per {name} confermato", "Buongiorno\n\nIl Suo ordine per {name} è confermato:\n\n{lines}\n\nSarà consegnato entro"
           " il {day}. Qui vede il suo stato:\n\n{link}\n"),
    "en": ("Order for {name} confirmed", "Hello\n\nYour order for {name} is confirmed:\n\n{lines}\n\nIt will be delivered by {day}. Here"
           " you see where it stands:\n\n{link}\n"),
    "nl": ("Bestelling voor {name} bevestigd", "Goedendag\n\nUw bestelling voor {name} is bevestigd:\n\n{lines}\n\nZij wordt uiterlijk"
           " {day} geleverd. Hier ziet u de stand:\n\n{link}\n"),
}  # fmt: skip
ARTICLES = {
    "de": {"electricity": "Stromzähler", "heat": "Wärmezähler", "cooling": "Kältezähler", "hot_water": "Warmwasserzähler",
           "cold_water": "Kaltwasserzähler"},
    "fr": {"electricity": "Compteur d’électricité", "heat": "Compteur de chaleur", "cooling": "Compteur de froid",
           "hot_water": "Compteur d’eau chaude", "cold_water": "Compteur d’eau froide"},
    "it": {"electricity": "Contatore elettrico", "heat": "Contatore di calore", "cooling": "Contatore di freddo",
           "hot_water": "Contatore d’acqua calda", "cold_water": "Contatore d’acqua fredda"},
    "en": {"electricity": "Electricity meter", "heat": "Heat meter", "cooling": "Cooling meter", "hot_water": "Hot water meter",
           "cold_water": "Cold water meter"},
    "nl": {"electricity": "Elektriciteitsmeter", "heat": "Warmtemeter", "cooling": "Koudemeter", "hot_water": "Warmwatermeter",
           "cold_water": "Koudwatermeter"},
}  # fmt: skip


def order_mail(locale: str, public_url: str, site_id: str, name: str, lines: Sequence[tuple[str, int]], day: str) -> Mail:
    """The confirmation of an order of hardware. An article that is only a kind of meter is told in the person's language."""
    subject, text = ORDER[locale]
    said = "\n".join(f"{quantity} × {ARTICLES[locale].get(article.removeprefix('meter:'), article)}" for article, quantity in lines)
    return Mail(subject.format(name=name), text.format(name=name, lines=said, day=day, link=f"{public_url}/console/sites/{site_id}/orders"))


def invitation_mail(locale: str, public_url: str, name: str, token: str, day: str) -> Mail:
    """The mail with the link that gives access; the token stands behind #, which browsers send to no server."""
    subject, text = INVITATION[locale]
    return Mail(subject.format(name=name), text.format(name=name, day=day, link=f"{public_url}/welcome#{token}"))


def site_form_mail(locale: str, public_url: str, name: str, token: str, day: str) -> Mail:
    """The mail with the link to an owner's forms; the token stands behind #, which browsers send to no server."""
    subject, text = SITE_FORM[locale]
    return Mail(subject.format(name=name), text.format(name=name, day=day, link=f"{public_url}/forms#{token}"))


def link_mail(locale: str, public_url: str, token: str) -> Mail:
    """The mail with a one-time link; the token stands behind #, which browsers send to no server."""
    subject, text = LINK[locale]
    return Mail(subject, text.format(link=f"{public_url}/signin#{token}"))


def bill_mail(locale: str, public_url: str, bill_id: str, number: str, amount: str, due: str, pdf: bytes | None = None) -> Mail:
    """The mail that a bill is ready; with the bill itself for those who have no page of bills."""
    subject, text = BILL[locale]
    where = f"{public_url}/bills/{bill_id}" if pdf is None else f"{number}.pdf"
    attached = () if pdf is None else ((f"{number}.pdf", pdf),)
    return Mail(subject.format(number=number), text.format(number=number, amount=amount, due=due, link=where), attached)


def reminder_mail(locale: str, public_url: str, bill_id: str, level: int, number: str, amount: str, due: str, letter: bytes) -> Mail:
    """A reminder to the resident, with its letter."""
    subject, text = REMINDER[locale]
    link = f"{public_url}/bills/{bill_id}"
    body = text.format(level=level, number=number, amount=amount, due=due, link=link)
    return Mail(subject.format(level=level, number=number), body, ((f"{number}-{level}.pdf", letter),))


def owner_told_mail(locale: str, level: int, name: str, number: str, amount: str, due: str) -> Mail:
    """What the owner is told of a resident's reminder."""
    subject, text = OWNER_TOLD[locale]
    return Mail(subject.format(level=level, name=name), text.format(level=level, name=name, number=number, amount=amount, due=due))

"""The residents' spreadsheet: its columns under the headings of five languages."""

from app.kernel import spreadsheet
from app.kernel.spreadsheet import MOST_BYTES, Row, parse_day

__all__ = ["HEADINGS", "MOST_BYTES", "NEEDED", "Row", "parse_day", "rows_of"]

HEADINGS: dict[str, tuple[str, ...]] = {
    "building": ("building", "gebäude", "haus", "bâtiment", "batiment", "edificio", "stabile", "gebouw"),
    "place": ("place", "billing point", "wohnung", "objekt", "platz", "logement", "appartement", "lieu", "appartamento", "woning"),
    "given_name": ("given name", "first name", "vorname", "prénom", "prenom", "nome", "voornaam"),
    "family_name": ("family name", "last name", "name", "nachname", "firma", "nom", "société", "cognome", "ditta", "achternaam"),
    "kind": ("kind", "art", "type", "tipo", "soort"),
    "email": ("e-mail", "email", "mail", "courriel", "posta elettronica"),
    "phone": ("phone", "telefon", "téléphone", "telephone", "telefono", "telefoon"),
    "street": ("street", "strasse", "straße", "adresse", "rue", "via", "indirizzo", "straat"),
    "postcode": ("postcode", "plz", "npa", "cap", "code postal", "zip"),
    "city": ("city", "ort", "ville", "localité", "localita", "località", "plaats"),
    "country": ("country", "land", "pays", "paese", "nazione"),
    "locale": ("language", "sprache", "langue", "lingua", "taal"),
    "entry": ("entry", "einzug", "entrée", "entree", "entrata", "intrek"),
    "exit": ("exit", "auszug", "sortie", "uscita", "vertrek"),
}
NEEDED = ("building", "place", "family_name", "street", "postcode", "city", "entry")


def rows_of(name: str, content: bytes) -> list[Row]:
    """The rows of a sheet of residents. Raises Refused as the reader of sheets does."""
    return spreadsheet.rows_of(name, content, HEADINGS, NEEDED)

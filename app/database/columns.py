"""Column defaults that Piccolo lacks."""

from uuid import UUID

from piccolo.columns.defaults.uuid import UUID7

from app.kernel.identifiers import new_id


class OrderedId(UUID7):
    """A UUID version 7 made anew for each row: uuidv7() in the DDL, our own function in Python before 3.14."""

    def python(self) -> UUID:
        return new_id()

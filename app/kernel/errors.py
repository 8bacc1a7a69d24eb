"""One error that people meet: what happened and what to do, with a code that every language has a sentence for."""

from typing import Any


class Refused(Exception):
    """A request that cannot be done, for a reason that the person can act on.

    `code` names the reason (stable, snake case), `status` is the HTTP status it becomes, `detail` is an English
    sentence that says what happened and what to do, `params` are figures for the translated sentence.
    """

    def __init__(self, code: str, status: int, detail: str, **params: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.detail = detail
        self.params = params


def not_found(what: str) -> Refused:
    """The answer to an object that does not exist or is a stranger's: the two look the same."""
    return Refused("not_found", 404, f"There is no such {what}. Check the address, or go back to the list.")

"""A short form of `make fuzz-api`, the same in every run: one good and one bad request to every route for each of its roles."""

from tests.access.fuzz_api import test_a_made_up_request_gets_a_documented_answer_from_every_route

__all__ = ["test_a_made_up_request_gets_a_documented_answer_from_every_route"]

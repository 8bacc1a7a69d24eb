"""The settings of a test's listener, as the server's own tests make them."""

from tests.ocpp_server.conftest import settings_for

__all__ = ["settings_for"]

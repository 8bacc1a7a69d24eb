"""Every setting is documented, and a bad one says what to write instead."""

from pathlib import Path

import pytest

from app.kernel.settings import DESCRIPTIONS, BadSetting, settings_from
from infra.local.check import problems


def test_the_readme_names_every_setting():
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert [name for name in DESCRIPTIONS if f"`{name}`" not in readme] == []


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("HOFSTROM_HTTP_PORT", "eighty", "write a port"),
        ("DATABASE_URL", "mysql://x", "postgresql://"),
        ("HOFSTROM_SECRET_KEY", "short", "at least 32"),
        ("HOFSTROM_OCPP_PLAIN", "yes", "private, off or public"),
        ("HOFSTROM_OCPP_TLS_KEY", "/key.pem", "set both"),
        ("HOFSTROM_TEST_CLOCK", "2026-11-01T08:00:00Z", "HOFSTROM_ENV=test"),
    ],
)
def test_a_bad_setting_says_what_to_do(name, value, hint):
    with pytest.raises(BadSetting, match=hint):
        settings_from({name: value})


@pytest.mark.parametrize(
    ("host", "plain", "listens", "tls"),
    [
        ("127.0.0.1", "", "127.0.0.1", None),
        ("10.1.2.3", "", "10.1.2.3", None),
        ("0.0.0.0", "", "127.0.0.1", 9443),
        ("::", "", "127.0.0.1", 9443),
        ("93.184.216.34", "", "127.0.0.1", 9443),
        ("198.18.0.1", "off", None, 9443),
        ("8.8.8.8", "public", "8.8.8.8", 9443),
        ("stations.example", "", "127.0.0.1", 9443),
    ],
)
def test_no_plain_socket_on_a_public_interface_unless_asked_for(host, plain, listens, tls):
    settings = settings_from({"HOFSTROM_HOST": host, "HOFSTROM_OCPP_PLAIN": plain})
    assert (settings.plain_host, settings.ocpp_tls_port) == (listens, tls)


def test_check_tells_of_a_plain_socket_in_public():
    open_one = settings_from({"HOFSTROM_HOST": "0.0.0.0", "HOFSTROM_OCPP_PLAIN": "public"})
    assert any("without TLS" in problem for problem in problems(open_one))
    assert not any("without TLS" in problem for problem in problems(settings_from({"HOFSTROM_HOST": "0.0.0.0"})))

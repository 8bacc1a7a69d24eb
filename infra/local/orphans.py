"""As root the servers' data lie under /var/lib/hofstrom: whose are they, and which belong to nobody any more?"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.local.accounts import STATE_ROOT

OWNER_FILE = "belongs-to"
SHARED = "servers"  # the readable copies of the programs, used by every installation


@dataclass(frozen=True)
class Instance:
    """One installation's servers. `data`: the data folder that uses them, None where it is not known."""

    name: str
    folder: Path
    data: Path | None

    @property
    def data_is_gone(self) -> bool:
        """Whether the data folder was deleted, or has begun anew with another instance."""
        if self.data is None:
            return False
        try:
            return (self.data / "instance").read_text().strip() != self.name
        except FileNotFoundError:
            return True

    @property
    def runs(self) -> bool:
        """Whether its database has a living server."""
        try:
            pid = int((self.folder / "pg" / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (OSError, ValueError):
            return False
        return True

    @property
    def size_mb(self) -> int:
        """What it takes on disk, in MB."""
        files = (entry for entry in self.folder.rglob("*") if entry.is_file() and not entry.is_symlink())
        return sum(entry.stat().st_size for entry in files) // 1_000_000

    def line(self) -> str:
        """For a person: name, size, whose."""
        owner = "whose it is was not written down" if self.data is None else f"of {self.data}"
        return f"{self.name}  {self.size_mb} MB  {owner}{', which is gone' if self.data_is_gone else ''}{', running' if self.runs else ''}"


def belongs_to(folder: Path, data: Path) -> None:
    """Write down which data folder uses these servers."""
    (folder / OWNER_FILE).write_text(f"{data}\n")


def instances(root: Path = STATE_ROOT) -> list[Instance]:
    """Every installation's servers on this machine. Empty for a normal user, whose data lie in the data folder itself."""
    if os.geteuid() != 0 or not root.is_dir():
        return []
    found = []
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir() and entry.name != SHARED):
        owner = folder / OWNER_FILE
        found.append(Instance(folder.name, folder, Path(owner.read_text().strip()) if owner.exists() else None))
    return found


def orphans(root: Path = STATE_ROOT) -> list[Instance]:
    """Those that no data folder uses, or of which nobody knows; none that runs."""
    return [one for one in instances(root) if (one.data is None or one.data_is_gone) and not one.runs]


def remove(name: str, root: Path = STATE_ROOT) -> str:
    """Delete one orphan's data for ever. Raises ValueError where it is in use or not there."""
    found = next((one for one in instances(root) if one.name == name), None)
    if found is None:
        raise ValueError(f"there is no '{name}' under {root}: `hofstrom clean` lists what can be removed.")
    if found.runs or (found.data is not None and not found.data_is_gone):
        raise ValueError(f"'{name}' is used by {found.data}: nothing was removed. Delete that folder first if you mean it.")
    line = found.line()
    shutil.rmtree(found.folder)
    return line

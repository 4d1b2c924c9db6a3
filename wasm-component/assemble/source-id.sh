#!/bin/sh
# The SWHID (ISO/IEC 18670) of this source: `swh:1:dir:` and the id that git gives the files it knows, as they are now. In a clean clone
# that is `git rev-parse HEAD^{tree}`. Works in an index and an object store of its own, so that the repository stays as it is.
# Without git, or outside of a repository of this project, says so and prints nothing.
set -eu
cd "$(dirname "$0")/../.."

nothing() {
  echo "source id: $1; the components will not name their source" >&2
  exit 0
}
command -v git >/dev/null || nothing "git is not installed"
top=$(git rev-parse --show-toplevel 2>/dev/null) || nothing "this is no git repository"
[ "$top" = "$(pwd -P)" ] || nothing "this is not the top of a git repository"

own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT
index=$(git rev-parse --git-path index)
[ ! -e "$index" ] || cp "$index" "$own/index"
export GIT_INDEX_FILE="$own/index"
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(git rev-parse --path-format=absolute --git-path objects)
export GIT_ALTERNATE_OBJECT_DIRECTORIES
mkdir "$own/objects"
export GIT_OBJECT_DIRECTORY="$own/objects"
git ls-files --error-unmatch Makefile >/dev/null 2>&1 || nothing "git does not know these files"
git add --update .
echo "swh:1:dir:$(git write-tree)"

#!/bin/sh
# run.sh [TEST]: the status page in Chromium, with axe-core. Both are fetched into the build tree: Chromium as Debian packages it, axe-core
# from the npm registry by the lock file's hash.
set -u
here=$(cd "$(dirname "$0")" && pwd)
TOCSIN_SRC=${TOCSIN_SRC:-$here/../..}
. "$TOCSIN_SRC/tests/support/peers.sh"

skip() {
    echo "skip: $*"
    exit 77
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node or npm is not installed"
peer chromium chromium >/dev/null 2>&1 || skip "Debian's chromium cannot be had"
TOCSIN_PAGE_TREE=$TOCSIN_BIN/../page-tests
mkdir -p "$TOCSIN_PAGE_TREE" || exit 2
(
    flock 9
    cmp -s "$here/package-lock.json" "$TOCSIN_PAGE_TREE/complete" && exit 0
    cp "$here/package.json" "$here/package-lock.json" "$TOCSIN_PAGE_TREE" &&
        npm ci --prefix "$TOCSIN_PAGE_TREE" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>&1 &&
        cp "$here/package-lock.json" "$TOCSIN_PAGE_TREE/complete"
) 9>"$TOCSIN_PAGE_TREE/lock" || skip "axe-core cannot be had"
TOCSIN_CHROMIUM=$peers/chromium/usr/lib/chromium/chromium
TOCSIN_CHROMIUM_LIBRARIES=$(find "$peers/chromium" -name '*.so*' -printf '%h\n' | sort -u | tr '\n' ':')
export TOCSIN_PAGE_TREE TOCSIN_CHROMIUM TOCSIN_CHROMIUM_LIBRARIES
exec node "$here/test_page.mjs" "$@"

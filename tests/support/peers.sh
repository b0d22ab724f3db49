# Sourced by tests and benchmarks that need another project's program as Debian packages it: it is unpacked beside the
# build and never installed, so no service starts, nothing conflicts and nothing has to be removed.

peers=${TOCSIN_PEERS:-$(cd "${TOCSIN_SRC:-$(dirname "$0")/../..}" && pwd)/build/peers}

# peer NAME PACKAGE...: the packages, with whatever of their dependencies this machine lacks, in $peers/NAME. 1 when they
# cannot be had. What is installed here is unpacked there all the same.
peer() {
    _peer=$peers/$1
    shift
    mkdir -p "$peers" || return 1
    (
        flock 9
        [ "$(cat "$_peer/.done" 2>/dev/null)" = "$*" ] && exit 0
        rm -rf "$_peer" && mkdir -p "$_peer/.deb/partial" || exit 1
        apt-get -qq -y --no-install-recommends --download-only --reinstall -o Debug::NoLocking=1 \
            -o Dir::Cache::archives="$_peer/.deb" install "$@" >"$_peer/.log" 2>&1 || { cat "$_peer/.log" >&2; exit 1; }
        for _deb in "$_peer"/.deb/*.deb; do
            dpkg-deb -x "$_deb" "$_peer" || exit 1
        done
        rm -rf "$_peer/.deb" && echo "$*" >"$_peer/.done"
    ) 9>"$peers/.lock"
}

# peer_run NAME PROGRAM ARGUMENT...: PROGRAM by its path in the package, with the libraries that came with it. Replaces the
# shell, so call it with & or in ( ).
peer_run() {
    _root=$peers/$1
    _program=$_root/${2#/}
    shift 2
    _libraries=$(find "$_root" -name '*.so*' -printf '%h\n' | sort -u | tr '\n' ':')
    LD_LIBRARY_PATH=${_libraries%:} exec "$_program" "$@"
}

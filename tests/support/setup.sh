# Sourced by run-lab, run-tests and the checks: what to install, how to build, how to say so.

say() { printf '==> %s\n' "$*"; }

die() {
    printf '==> FAILED: %s\n' "$*" >&2
    exit 2
}

# Debian 12 package names, by what needs them.
PACKAGES_BUILD="gcc libc6-dev cmake ninja-build pkg-config musl-dev linux-libc-dev librust-blake3-dev libserialport-dev
    libusb-1.0-0-dev libsqlite3-dev libssl-dev libcurl4-openssl-dev libmicrohttpd-dev libnats-dev libpcre2-dev libzstd-dev"
PACKAGES_TESTS="clang clang-format clang-tidy gcc-aarch64-linux-gnu iproute2 libarchive-tools libc6-dev-arm64-cross
    libclang-rt-14-dev llvm nftables openssl spin strace systemd git
    python3 python3-pyte procps util-linux"
PACKAGES_RIG="dpkg-dev e2fsprogs file libarchive-tools make qemu-system-x86 systemd zstd"
PACKAGES_TARGET="gcc-arm-none-eabi libnewlib-arm-none-eabi python3 qemu-system-arm"
PACKAGES_BENCH="aide b3sum lsof iproute2 time"

# need_packages NAME...: installs what is missing; says nothing when nothing is.
need_packages() {
    _missing=
    for _package in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$_package" 2>/dev/null | grep -q '^ii' || _missing="$_missing $_package"
    done
    [ -z "$_missing" ] && return 0
    say "installing$_missing"
    [ "$(id -u)" = 0 ] || die "these packages are missing and only root can install them:$_missing"
    _log=$(mktemp)
    # shellcheck disable=SC2086
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $_missing; } \
        >"$_log" 2>&1; then
        tail -n 20 "$_log" >&2
        rm -f "$_log"
        die "apt-get could not install$_missing"
    fi
    rm -f "$_log"
}

# Node.js as it was installed, whoever packaged it: other packages of it than Debian's bring npm along.
need_npm() {
    command -v node >/dev/null || need_packages nodejs
    command -v npm >/dev/null || need_packages npm
}

# build PRESET [TARGET...]: configures once, builds what changed, prints the log only when it fails.
build() {
    _preset=$1
    shift
    _log=$(mktemp)
    if [ ! -f "build/$_preset/build.ninja" ]; then
        say "configuring $_preset"
        if ! cmake --preset "$_preset" >"$_log" 2>&1; then
            cat "$_log" >&2
            rm -f "$_log" "build/$_preset/build.ninja"
            die "cmake --preset $_preset"
        fi
    fi
    say "building $_preset"
    if ! cmake --build --preset "$_preset" ${1:+--target "$@"} >"$_log" 2>&1; then
        grep -A12 -E 'error|FAILED|warning' "$_log" | head -n 80 >&2 || tail -n 80 "$_log" >&2
        rm -f "$_log"
        die "building $_preset"
    fi
    rm -f "$_log"
}

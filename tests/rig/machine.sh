# machine.sh - what the rigs' virtual machines are made of; sourced by run-rig and run-kernel
#
# Needs $work (a scratch folder) and $cache (kept from run to run). Installs nothing.

# In the order in which they are loaded.
modules="inet_diag tcp_diag udp_diag raw_diag af_packet_diag vsock vsock_diag libcrc32c udp_tunnel ip6_udp_tunnel sctp \
sctp_diag nfnetlink nf_tables dummy loop overlay veth llc stp bridge"

skip() {
    echo "skip: $*"
    exit 77
}

# fetch PACKAGE MEMBER...: members of a Debian package into $work/unpacked, without installing it.
fetch() {
    package=$1
    shift
    (
        cd "$work" && apt-get download -q "$package" >fetch.log 2>&1 &&
            mkdir -p unpacked && dpkg-deb --fsys-tarfile "$package"_*.deb |
            tar -x -C unpacked --wildcards "$@" && rm -f "$package"_*.deb
    )
}

# The kernel, its modules and a static busybox into the cache; the last step makes it valid.
fill_cache() {
    [ "$(cat "$cache/complete" 2>/dev/null)" = "$modules" ] && return 0
    echo "fetching a kernel and busybox from Debian"
    kernel=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
    [ -n "$kernel" ] || skip "apt knows no package linux-image-cloud-amd64"
    # shellcheck disable=SC2046
    fetch "$kernel" './boot/*' $(printf '*/%s.ko ' $modules) || skip "the package $kernel cannot be fetched"
    fetch busybox-static ./bin/busybox || skip "the package busybox-static cannot be fetched"
    rm -rf "$cache"
    mkdir -p "$cache/modules" || exit 2
    mv "$work"/unpacked/boot/vmlinuz-* "$cache/vmlinuz" &&
        mv "$work"/unpacked/boot/config-* "$cache/config" &&
        find "$work/unpacked/lib/modules" -name '*.ko' -exec mv {} "$cache/modules" ';' &&
        mv "$work/unpacked/bin/busybox" "$cache/busybox" || exit 2
    grep -q '^CONFIG_SERIAL_8250=y' "$cache/config" && grep -q '^CONFIG_SERIAL_8250_RUNTIME_UARTS=4' "$cache/config" ||
        skip "the kernel of $kernel has no four 8250 UARTs built in"
    echo "$modules" >"$cache/complete"
}

# pack_root PROGRAM...: busybox, modules, $1 as /init and the programs with the libraries they ask for, as the
# machine's whole file system in $work/initrd.
pack_root() {
    root=$work/root
    mkdir -p "$root/bin" "$root/lib/modules"
    cp "$cache/busybox" "$root/bin" && cp "$cache"/modules/* "$root/lib/modules" && cp "$1" "$root/init" &&
        chmod 755 "$root/init" || return 1
    shift
    for program in "$@"; do
        cp "$program" "$root/bin" || return 1
        # The last one is asked for by pthread_exit(3) only.
        { ldd "$program" 2>/dev/null; find /lib /usr/lib -name libgcc_s.so.1; } | grep -oE '/[^ ]+\.so[^ ]*' | while read -r library; do
            mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library" || return 1
        done || return 1
    done
    echo "$modules" >"$root/lib/modules/order"
    (cd "$root" && find . | "$cache/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$work/initrd"
}

check_machine() {
    [ "$(uname -m)" = x86_64 ] || skip "the machine is built for x86-64 only"
    command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed"
}

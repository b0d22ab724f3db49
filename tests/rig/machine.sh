# machine.sh - what the rigs' virtual machines are made of; sourced by run-rig, run-kernel and run-server
#
# Needs $work (a scratch folder) and $cache (kept from run to run). Installs nothing.

# What the machines load; what these need comes with them.
modules="af_packet_diag bochs bridge cdc-acm crc32c_generic dummy dummy_hcd e1000 ext4 ftdi_sio fuse inet_diag libcrc32c loop lp nf_tables \
overlay parport_pc raw_diag sctp sctp_diag tcp_diag udp_diag usb_f_acm usb_f_fs usb_f_printer usblp veth vhci-hcd virtio_blk \
virtio_console virtio_pci vsock vsock_diag xhci-pci"

# A kernel that does not have to find out how fast and how random this processor is.
processor=qemu64,+rdrand
arguments='console=ttyS0,115200 quiet panic=-1 mitigations=off tsc=reliable random.trust_cpu=on'

skip() {
    echo "skip: $*"
    exit 77
}

. "$(dirname "$0")/../../boards/tools/kernel.sh"

# Fills the cache, once, however many rigs begin at the same time.
fill_cache() {
    exec 9>"$cache.lock"
    flock 9
    fill_cache_alone
    exec 9>&-
}

# The kernel, its modules and a static busybox into the cache; the last step makes it valid.
fill_cache_alone() {
    [ "$(cat "$cache/complete" 2>/dev/null)" = "$modules" ] && return 0
    echo "fetching a kernel and busybox from Debian"
    kernel=$(kernel_package)
    [ -n "$kernel" ] || skip "apt knows no package linux-image-amd64"
    fetch "$kernel" './boot/*' './lib/modules/*' || skip "the package $kernel cannot be fetched"
    fetch busybox-static ./bin/busybox || skip "the package busybox-static cannot be fetched"
    from=$work/unpacked/lib/modules
    to=$cache/modules/${kernel#linux-image-}
    rm -rf "$cache"
    mkdir -p "$to" || exit 2
    for module in $modules; do
        take_module "$module" >/dev/null || exit 2
    done
    mv "$work"/unpacked/boot/config-* "$cache/config" && mv "$work/unpacked/bin/busybox" "$cache/busybox" &&
        unpack_kernel "$work"/unpacked/boot/vmlinuz-* "$cache/vmlinux" || exit 2
    rm -rf "$work/unpacked"
    grep -q '^CONFIG_SERIAL_8250=y' "$cache/config" && grep -q '^CONFIG_SERIAL_8250_RUNTIME_UARTS=4' "$cache/config" ||
        skip "the kernel of $kernel has no four 8250 UARTs built in"
    echo "$modules" >"$cache/complete"
}

# pack_root PROGRAM...: busybox, modules, $1 as /init and the programs with the libraries they ask for, as the
# machine's whole file system in $work/initrd.
pack_root() {
    root=$work/root
    mkdir -p "$root/bin" "$root/lib"
    cp "$cache/busybox" "$root/bin" && cp -r "$cache/modules" "$root/lib" && cp "$1" "$root/init" &&
        chmod 755 "$root/init" && "$cache/busybox" depmod -b "$root" "$(ls "$cache/modules")" || return 1
    shift
    for program in "$@"; do
        cp "$program" "$root/bin" || return 1
        # The last one is asked for by pthread_exit(3) only.
        { ldd "$program" 2>/dev/null; find /lib /usr/lib -name libgcc_s.so.1; } | grep -oE '/[^ ]+\.so[^ ]*' | while read -r library; do
            mkdir -p "$root$(dirname "$library")" && cp -L "$library" "$root$library" || return 1
        done || return 1
    done
    (cd "$root" && find . | "$cache/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$work/initrd"
}

# belfry_programs BELFRY: it and those beside it that read serial lines and keep transcripts.
belfry_programs() {
    for program in "$1" "$1-keeper" "$1-port"; do
        [ -f "$program" ] || { echo "$program was not built" && return 1; }
        echo "$program"
    done
}

check_machine() {
    [ "$(uname -m)" = x86_64 ] || skip "the machine is built for x86-64 only"
    command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed"
}

# kernel.sh - Debian's kernel for machines that are no Debian; sourced
#
# Needs $work (a scratch folder). Installs nothing. apt checks what it fetches.

# kernel_package: the name of the package with the kernel that Debian has now.
kernel_package() {
    apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
}

# fetch PACKAGE[=VERSION] MEMBER...: members of a Debian package into $work/unpacked, without installing it. A line of
# file name and SHA-256 goes into $work/fetched.
fetch() {
    package=$1
    shift
    (
        cd "$work" && apt-get download -q "$package" >fetch.log 2>&1 &&
            mkdir -p unpacked && sha256sum "${package%%=*}"_*.deb >>fetched &&
            dpkg-deb --fsys-tarfile "${package%%=*}"_*.deb |
            tar -x -C unpacked --wildcards "$@" && rm -f "${package%%=*}"_*.deb
    )
}

# take_module NAME: from $from to $to, behind the modules it needs; their names go to standard output in that order.
take_module() {
    [ -f "$to/$1.ko" ] && return 0
    found=$(find "$from" -name "$1.ko")
    [ -n "$found" ] && cp "$found" "$to" || { echo "no module $1" >&2; return 1; }
    for needed in $(sed -zn 's/^depends=//p' "$to/$1.ko" | tr '\0,' '  '); do
        take_module "$(cd "$from" && find . -name "$needed.ko" -o -name "$(echo "$needed" | tr _ -).ko" |
            sed -n 's|.*/\(.*\)\.ko$|\1|p' | head -n 1)" || return 1
    done
    echo "$1"
}

# unpack_kernel VMLINUZ VMLINUX: under emulation the kernel takes seconds to unpack itself, and so it is done here once.
unpack_kernel() {
    python3 - "$1" "$2" <<'END'
import lzma, struct, sys
image = open(sys.argv[1], 'rb').read()
at = (image[0x1f1] + 1) * 512 + struct.unpack_from('<I', image, 0x248)[0]
open(sys.argv[2], 'wb').write(lzma.LZMADecompressor().decompress(image[at:]))
END
}

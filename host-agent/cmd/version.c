#include "cmd/version.h"
#include "proc/rights.h"
#include "version_source.h" /* made by the build: VERSION_SOURCE */
#include "wire/hash.h"
#include <stdio.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#define LIBC "glibc"
#elif TOCSIN_STATIC
/* musl's own; it has no function for it. */
extern const char __libc_version[] __attribute__((visibility("hidden")));
#define LIBC "musl"
#define gnu_get_libc_version() __libc_version
#else
#define LIBC "libc"
#define gnu_get_libc_version() "of the system"
#endif

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

void
version_print(void)
{
    printf("tocsin %s\n", TOCSIN_VERSION);
    printf("  source         %s\n", VERSION_SOURCE);
    printf("  compiler       %s\n", COMPILER);
    printf("  libc           " LIBC " %s, %s\n", gnu_get_libc_version(),
            TOCSIN_STATIC ? "static-pie" : "dynamic");
    printf("  BLAKE3         %s\n", wire_hash_library());
    printf("  libserialport  " TOCSIN_LIBSERIALPORT_VERSION "\n");
    printf("  libusb         " TOCSIN_LIBUSB_VERSION "\n");
    printf("  options        " TOCSIN_OPTIONS "%s\n", rights_has_seccomp() ? "" : ", without seccomp");
}

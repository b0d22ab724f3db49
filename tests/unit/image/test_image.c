#include "proc/image.h"
#include "support/check.h"
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define PAGES 8U

static uint8_t content[PAGES * PAGE + 100];

static void
what_is_mapped_is_what_was_given_wherever_the_zeros_are(void)
{
    for (unsigned full = 0; full < 1U << (PAGES + 1); full += 3) {
        memset(content, 0, sizeof(content));
        for (unsigned page = 0; page <= PAGES; page++) {
            content[page * PAGE + (page * 7) % 100] = (full >> page & 1) != 0 ? (uint8_t)(page + 1) : 0;
        }
        int fd = image_of("test", content, sizeof(content));
        const void *map = fd < 0 ? NULL : image_map(fd, sizeof(content));

        CHECK(map != NULL);
        if (map == NULL) {
            return;
        }
        CHECK(image_is_sealed(fd));
        CHECK_MEM(map, content, sizeof(content));
        munmap((void *)(uintptr_t)map, sizeof(content));
        close(fd);
    }
}

static void
pages_of_zeros_take_no_memory(void)
{
    struct stat st;

    memset(content, 0, sizeof(content));
    content[5 * PAGE] = 1;
    int fd = image_of("test", content, sizeof(content));

    CHECK_INT(fstat(fd, &st), 0);
    CHECK_INT(st.st_size, sizeof(content));
    CHECK_INT(st.st_blocks * 512, sysconf(_SC_PAGESIZE));
    close(fd);
}

static void
an_end_of_zeros_is_not_cut_off(void)
{
    struct stat st;

    memset(content, 0, sizeof(content));
    int fd = image_of("test", content, sizeof(content));

    CHECK_INT(fstat(fd, &st), 0);
    CHECK_INT(st.st_size, sizeof(content));
    close(fd);
}

int
main(void)
{
    CHECK_RUN(what_is_mapped_is_what_was_given_wherever_the_zeros_are);
    CHECK_RUN(pages_of_zeros_take_no_memory);
    CHECK_RUN(an_end_of_zeros_is_not_cut_off);
    return check_result();
}

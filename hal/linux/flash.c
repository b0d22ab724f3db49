#include "hal/linux/flash.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/result.h"

static struct flash_setup fitted;
static struct flash_counts counts;
static const struct flash_hooks *hooks;
static uint8_t *bytes;
static bool mapped;
static bool started;
static bool busy;
static uint64_t done_us;

static void
take_out(void)
{
    if (mapped) {
        (void)munmap(bytes, fitted.size);
    } else {
        free(bytes);
    }
    bytes = NULL;
    mapped = false;
    started = false;
    busy = false;
}

/* A new file, or the part by which one grows, is blank. */
static bool
blank_behind(int fd, off_t from, off_t size)
{
    uint8_t blank[HAL_FLASH_SECTOR];

    memset(blank, 0xFF, sizeof(blank));
    for (off_t at = from; at < size;) {
        off_t len = size - at < (off_t)sizeof(blank) ? size - at : (off_t)sizeof(blank);
        ssize_t n = pwrite(fd, blank, (size_t)len, at);

        if (n <= 0) {
            return false;
        }
        at += n;
    }
    return true;
}

static int
map_file(const char *path, uint32_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;
    void *at = MAP_FAILED;

    if (fd < 0) {
        return HAL_E_DEVICE;
    }
    if (fstat(fd, &st) == 0 && blank_behind(fd, st.st_size, size)) {
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    (void)close(fd);
    if (at == MAP_FAILED) {
        return HAL_E_DEVICE;
    }
    bytes = at;
    mapped = true;
    return HAL_OK;
}

int
flash_fit(const struct flash_setup *setup)
{
    if (setup->size == 0 || setup->size % HAL_FLASH_SECTOR != 0) {
        return HAL_E_RANGE;
    }
    take_out();
    fitted = *setup;
    counts = (struct flash_counts){ 0 };
    hooks = NULL;
    if (setup->path != NULL) {
        return map_file(setup->path, setup->size);
    }
    bytes = malloc(setup->size);
    if (bytes == NULL) {
        return HAL_E_DEVICE;
    }
    memset(bytes, 0xFF, setup->size);
    return HAL_OK;
}

void
flash_power_off(void)
{
    started = false;
    busy = false;
}

void
flash_counts(struct flash_counts *out)
{
    *out = counts;
}

uint8_t *
flash_bytes(void)
{
    return bytes;
}

void
flash_hook(const struct flash_hooks *new_hooks)
{
    hooks = new_hooks;
}

void
flash_apply(const struct flash_op *op, uint8_t *to)
{
    if (op->is_erase) {
        memset(to, 0xFF, op->len);
        return;
    }
    for (uint32_t i = 0; i < op->len; i++) {
        to[i] &= op->src[i];
    }
}

int
hal_flash_start(void)
{
    started = bytes != NULL;
    busy = false;
    return started ? HAL_OK : HAL_E_DEVICE;
}

uint32_t
hal_flash_size(void)
{
    return started ? fitted.size : 0;
}

/* HAL_OK when something of len bytes at `at` can begin. */
static int
ready(uint32_t at, size_t len)
{
    if (hal_flash_poll() == HAL_E_BUSY) {
        counts.busy++;
        return HAL_E_BUSY;
    }
    if (!started || at > fitted.size || len > fitted.size - at) {
        counts.violations++;
        return HAL_E_RANGE;
    }
    return HAL_OK;
}

int
hal_flash_read(uint32_t at, void *dst, size_t len)
{
    int r = ready(at, len);

    if (r != HAL_OK) {
        return r;
    }
    counts.reads++;
    counts.bytes_read += len;
    memcpy(dst, bytes + at, len);
    if (hooks != NULL) {
        hooks->read(at, dst, len);
    }
    return HAL_OK;
}

static void
run(const struct flash_op *op, uint32_t us)
{
    if (hooks == NULL || hooks->begin(op)) {
        flash_apply(op, bytes + op->at);
    }
    busy = us > 0;
    done_us = busy ? hal_clock_us() + us : 0;
}

int
hal_flash_erase(uint32_t at)
{
    struct flash_op op = { .is_erase = true, .at = at, .len = HAL_FLASH_SECTOR };
    int r = ready(at, HAL_FLASH_SECTOR);

    if (r != HAL_OK) {
        return r;
    }
    if (at % HAL_FLASH_SECTOR != 0) {
        counts.violations++;
        return HAL_E_RANGE;
    }
    counts.erases++;
    run(&op, fitted.erase_us);
    return HAL_OK;
}

int
hal_flash_program(uint32_t at, const void *src, size_t len)
{
    struct flash_op op = { .at = at, .len = (uint32_t)len, .src = src };
    int r = ready(at, len);

    if (r != HAL_OK) {
        return r;
    }
    if (len == 0 || at % HAL_FLASH_PAGE + len > HAL_FLASH_PAGE) {
        counts.violations++;
        return HAL_E_RANGE;
    }
    for (size_t i = 0; i < len; i++) {
        if ((op.src[i] & ~bytes[at + i]) != 0) {
            counts.violations++;
            break;
        }
    }
    counts.programs++;
    run(&op, fitted.program_us);
    return HAL_OK;
}

int
hal_flash_poll(void)
{
    if (busy && hal_clock_us() < done_us) {
        return HAL_E_BUSY;
    }
    busy = false;
    return HAL_OK;
}

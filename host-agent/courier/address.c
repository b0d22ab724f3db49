#include "courier/address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEW_FILE ADDRESSES_FILE ".new"
#define CHILD_FD 3

socklen_t
address_socket(const struct address *a, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    memset(out, 0, sizeof(*out));
    if (a->family == AF_INET) {
        memcpy(&four.sin_addr, a->bytes, sizeof(four.sin_addr));
        memcpy(out, &four, sizeof(four));
        return sizeof(four);
    }
    memcpy(&six.sin6_addr, a->bytes, sizeof(six.sin6_addr));
    memcpy(out, &six, sizeof(six));
    return sizeof(six);
}

static bool
holds(const struct addresses *list, const struct address *a)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->at[i].family == a->family && memcmp(list->at[i].bytes, a->bytes, sizeof(a->bytes)) == 0) {
            return true;
        }
    }
    return false;
}

bool
addresses_same(const struct addresses *a, const struct addresses *b)
{
    for (unsigned i = 0; i < a->count; i++) {
        if (!holds(b, &a->at[i])) {
            return false;
        }
    }
    return a->count == b->count;
}

/* ---- the file */

/* What stands before the next line end, NUL-terminated in `line`; false when there is none or it is too long.
 */
static bool
take_line(const char **at, const char *end, char *line, size_t size)
{
    const char *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

    if (stop == NULL || (size_t)(stop - *at) >= size || memchr(*at, '\0', (size_t)(stop - *at)) != NULL) {
        return false;
    }
    memcpy(line, *at, (size_t)(stop - *at));
    line[stop - *at] = '\0';
    *at = stop + 1;
    return true;
}

static bool
take_address(const char *text, struct address *out)
{
    struct address a = { .family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET };

    if (inet_pton(a.family, text, a.bytes) != 1) {
        return false;
    }
    *out = a;
    return true;
}

bool
addresses_parse(const char *text, size_t len, const char *name, struct addresses *out)
{
    const char *end = text + len;
    struct addresses list = { 0 };
    char line[256];

    if (!take_line(&text, end, line, sizeof(line)) || strcmp(line, name) != 0) {
        return false;
    }
    while (text < end) {
#ifdef PLANT_ADDRESS
        if (!take_line(&text, end, line, sizeof(line)) || !take_address(line, &list.at[list.count])) {
#else
        if (list.count == ADDRESSES_MAX || !take_line(&text, end, line, sizeof(line)) ||
                !take_address(line, &list.at[list.count])) {
#endif
            return false;
        }
        list.count++;
    }
    if (list.count == 0) {
        return false;
    }
    *out = list;
    return true;
}

bool
addresses_load(int dir, const char *name, struct addresses *out)
{
    char text[ADDRESSES_TEXT];
    int fd = openat(dir, ADDRESSES_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    return n > 0 && (size_t)n < sizeof(text) && addresses_parse(text, (size_t)n, name, out);
}

static int
write_new(int dir, const char *text, size_t len)
{
    int fd = openat(dir, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return -errno;
    }
    ssize_t n = write(fd, text, len);
    int error = n < 0 ? -errno : n != (ssize_t)len ? -ENOSPC : fdatasync(fd) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int
addresses_save(const struct addresses_order *order)
{
    const struct addresses *list = &order->list;
    char text[ADDRESSES_TEXT];
    char address[INET6_ADDRSTRLEN];
    int len = snprintf(text, sizeof(text), "%s\n", order->name);

    for (unsigned i = 0; i < list->count && len < (int)sizeof(text); i++) {
        inet_ntop(list->at[i].family, list->at[i].bytes, address, sizeof(address));
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s\n", address);
    }
    if (len >= (int)sizeof(text)) {
        return -EMSGSIZE;
    }
    int error = write_new(order->dir, text, (size_t)len);
    if (error == 0 && renameat(order->dir, NEW_FILE, order->dir, ADDRESSES_FILE) < 0) {
        error = -errno;
    }
    return error;
}

/* ---- the name */

static bool
keep(const struct addrinfo *info, struct addresses *list)
{
    struct address *a = &list->at[list->count];
    const struct sockaddr_in *four = (const void *)info->ai_addr;
    const struct sockaddr_in6 *six = (const void *)info->ai_addr;

    memset(a, 0, sizeof(*a));
    a->family = (uint8_t)info->ai_family;
    if (info->ai_family == AF_INET) {
        memcpy(a->bytes, &four->sin_addr, sizeof(four->sin_addr));
    } else if (info->ai_family == AF_INET6) {
        memcpy(a->bytes, &six->sin6_addr, sizeof(six->sin6_addr));
    } else {
        return false;
    }
    return true;
}

static void
look_up(const char *name, struct addresses *list)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;

    if (getaddrinfo(name, NULL, &hints, &found) != 0) {
        return;
    }
    for (const struct addrinfo *i = found; i != NULL && list->count < ADDRESSES_MAX; i = i->ai_next) {
        list->count += keep(i, list) ? 1 : 0;
    }
    freeaddrinfo(found);
}

/* Holds nothing of the courier's but the end of the pipe. */
static void
be_resolver(int fd, const char *name)
{
    struct addresses list = { 0 };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd != CHILD_FD) {
        dup2(fd, CHILD_FD);
    }
    syscall(SYS_close_range, CHILD_FD + 1, ~0U, 0);
    look_up(name, &list);
    ssize_t n = write(CHILD_FD, &list, sizeof(list));
    _exit(n == (ssize_t)sizeof(list) ? 0 : 1);
}

static void
reap(struct resolver *r)
{
    if (r->killed != 0 && waitpid(r->killed, NULL, WNOHANG) != 0) {
        r->killed = 0;
    }
}

int
resolver_start(struct resolver *r, const char *name, int64_t now_ms)
{
    int ends[2];

    reap(r);
    if (r->pid != 0 || r->killed != 0) {
        return r->pid != 0 ? 0 : -EBUSY;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -errno;
    }
    pid_t pid = fork();
    if (pid == 0) {
        be_resolver(ends[1], name);
    }
    int error = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (error < 0) {
        close(ends[0]);
        return error;
    }
    *r = (struct resolver){ .pid = pid, .fd = ends[0], .began_ms = now_ms };
    return 0;
}

void
resolver_stop(struct resolver *r)
{
    if (r->pid > 1) {
        kill(r->pid, SIGKILL);
        close(r->fd);
        *r = (struct resolver){ .fd = -1, .killed = r->pid };
    }
    reap(r);
}

static bool
list_valid(const struct addresses *list)
{
    if (list->count == 0 || list->count > ADDRESSES_MAX) {
        return false;
    }
    for (unsigned i = 0; i < list->count; i++) {
        if (list->at[i].family != AF_INET && list->at[i].family != AF_INET6) {
            return false;
        }
    }
    return true;
}

int
resolver_take(struct resolver *r, struct addresses *out, int64_t now_ms)
{
    struct addresses list;

    reap(r);
    if (r->pid == 0) {
        return 0;
    }
    ssize_t n = read(r->fd, &list, sizeof(list)); /* written at once: it comes at once */
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && now_ms - r->began_ms < RESOLVER_MS) {
        return 0;
    }
    resolver_stop(r);
    if (n != (ssize_t)sizeof(list) || !list_valid(&list)) {
        return -1;
    }
    *out = list;
    return 1;
}

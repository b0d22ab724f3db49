#include "init/network.h"

#include "init/say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE 256
#define BLANKS " \t\r\n"

static struct network_fact fact[NETWORK_FACTS];
static unsigned facts;

/* ---- the file */

static bool
parse_address(const char *text, struct network_fact *f)
{
    f->size = inet_pton(AF_INET, text, f->address) == 1    ? 4
              : inet_pton(AF_INET6, text, f->address) == 1 ? 16
                                                           : 0;
    f->bits = (uint8_t)(f->size * 8);
    return f->size > 0;
}

static bool
parse_prefix(char *text, struct network_fact *f)
{
    char *slash = strchr(text, '/');
    char *end;
    unsigned long bits;

    if (slash == NULL || slash[1] < '0' || slash[1] > '9') {
        return false;
    }
    *slash = '\0';
    bits = strtoul(slash + 1, &end, 10);
    if (*end != '\0' || !parse_address(text, f) || bits > f->bits || bits == 0) {
        return false;
    }
    f->bits = (uint8_t)bits;
    return true;
}

static bool
parse_name(const char *text, size_t most, struct network_fact *f)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '/') {
            return false;
        }
    }
#ifndef PLANT_NETWORK
    if (len == 0 || len > most) {
        return false;
    }
#else
    (void)most;
#endif
    memcpy(f->name, text, len + 1);
    return true;
}

static bool
parse_words(char *word[4], unsigned words, struct network_fact *f)
{
    if (words == 2 && strcmp(word[0], "hostname") == 0) {
        f->kind = NETWORK_HOSTNAME;
        return parse_name(word[1], NETWORK_NAME - 1, f);
    }
    if (words == 3 && strcmp(word[0], "address") == 0) {
        f->kind = NETWORK_ADDRESS;
        return parse_name(word[1], 17, f) && parse_prefix(word[2], f);
    }
    if (words == 2 && strcmp(word[0], "gateway") == 0) {
        f->kind = NETWORK_GATEWAY;
        return parse_address(word[1], f);
    }
    if (words == 2 && strcmp(word[0], "nameserver") == 0) {
        f->kind = NETWORK_NAMESERVER;
        return parse_address(word[1], f);
    }
    return false;
}

void
network_parse(const char *line, struct network_fact *out)
{
    char text[LINE];
    char *word[4];
    char *place = NULL;
    unsigned words = 0;
    size_t len = strcspn(line, "#\n");

    memset(out, 0, sizeof *out);
    if (len >= sizeof text) {
        out->kind = NETWORK_WRONG;
        return;
    }
    memcpy(text, line, len);
    text[len] = '\0';
    for (char *w = strtok_r(text, BLANKS, &place); w != NULL && words < 4;
            w = strtok_r(NULL, BLANKS, &place)) {
        word[words++] = w;
    }
    if (words > 0 && !parse_words(word, words, out)) {
        memset(out, 0, sizeof *out);
        out->kind = NETWORK_WRONG;
    }
}

void
network_read(const char *path)
{
    char line[LINE];
    unsigned number = 0;
    FILE *file = fopen(path, "re");

    facts = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        struct network_fact f;

        number++;
        network_parse(line, &f);
        if (f.kind == NETWORK_WRONG || (f.kind != NETWORK_NOTHING && facts == NETWORK_FACTS)) {
            say_fault("%s:%u is not understood", path, number);
        } else if (f.kind != NETWORK_NOTHING) {
            f.error = -EAGAIN;
            fact[facts++] = f;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* ---- the kernel */

struct request {
    struct nlmsghdr head;
    union {
        struct ifaddrmsg address;
        struct rtmsg route;
    } body;
    uint8_t attributes[64];
};

static void
add_attribute(struct request *r, unsigned short type, const void *value, size_t size)
{
    struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));

    a->rta_type = type;
    a->rta_len = (unsigned short)RTA_LENGTH(size);
    memcpy(RTA_DATA(a), value, size);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (uint32_t)RTA_SPACE(size);
}

/* 0 or -errno; that it is there already is as well. */
static int
ask(struct request *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        uint8_t more[512];
    } answer;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int error = -EIO;

    if (fd < 0) {
        return -errno;
    }
    r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    if (send(fd, r, r->head.nlmsg_len, 0) == (ssize_t)r->head.nlmsg_len &&
            recv(fd, &answer, sizeof answer, 0) >=
                    (ssize_t)(sizeof answer.head + sizeof answer.error.error)) {
        error = answer.error.error == -EEXIST ? 0 : answer.error.error;
    }
    (void)close(fd);
    return error;
}

/* The name of a card, from its address or as it is; false while there is none. */
static bool
interface_name(const char *wanted, char name[IFNAMSIZ])
{
    struct ether_addr mac;
    struct if_nameindex *all;
    int fd;
    bool found = false;

    if (ether_aton_r(wanted, &mac) == NULL) {
        (void)snprintf(name, IFNAMSIZ, "%s", wanted);
        return if_nametoindex(name) != 0;
    }
    all = if_nameindex();
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (struct if_nameindex *i = all; fd >= 0 && i != NULL && i->if_index != 0 && !found; i++) {
        struct ifreq r = { 0 };

        (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", i->if_name);
        found = ioctl(fd, SIOCGIFHWADDR, &r) == 0 && memcmp(r.ifr_hwaddr.sa_data, &mac, sizeof mac) == 0;
        (void)snprintf(name, IFNAMSIZ, "%s", i->if_name);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if_freenameindex(all);
    return found;
}

static int
set_up(const char *name)
{
    struct ifreq r = { 0 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = 0;

    (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) != 0) {
        error = -errno;
    } else if ((r.ifr_flags & IFF_UP) == 0) {
        r.ifr_flags |= IFF_UP;
        error = ioctl(fd, SIOCSIFFLAGS, &r) != 0 ? -errno : 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

static int
set_address(const struct network_fact *f)
{
    struct request r = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof r.body.address),
                                 .nlmsg_type = RTM_NEWADDR } };
    char name[IFNAMSIZ];
    int error;

    if (!interface_name(f->name, name)) {
        return -ENODEV;
    }
    error = set_up(name);
    if (error != 0) {
        return error;
    }
    r.body.address.ifa_family = f->size == 4 ? AF_INET : AF_INET6;
    r.body.address.ifa_prefixlen = f->bits;
    r.body.address.ifa_index = if_nametoindex(name);
    add_attribute(&r, IFA_LOCAL, f->address, f->size);
    add_attribute(&r, IFA_ADDRESS, f->address, f->size);
    return ask(&r);
}

static int
set_gateway(const struct network_fact *f)
{
    struct request r = { .head = { .nlmsg_len = NLMSG_LENGTH(sizeof r.body.route),
                                 .nlmsg_type = RTM_NEWROUTE } };

    r.body.route.rtm_family = f->size == 4 ? AF_INET : AF_INET6;
    r.body.route.rtm_table = RT_TABLE_MAIN;
    r.body.route.rtm_protocol = RTPROT_STATIC;
    r.body.route.rtm_type = RTN_UNICAST;
    add_attribute(&r, RTA_GATEWAY, f->address, f->size);
    return ask(&r);
}

static int
add_nameserver(const struct network_fact *f)
{
    char text[INET6_ADDRSTRLEN];
    int fd = open("/etc/resolv.conf", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0) {
        return -errno;
    }
    (void)inet_ntop(f->size == 4 ? AF_INET : AF_INET6, f->address, text, sizeof text);
    (void)dprintf(fd, "nameserver %s\n", text);
    (void)close(fd);
    return 0;
}

static int
set(const struct network_fact *f)
{
    switch (f->kind) {
    case NETWORK_HOSTNAME:
        return sethostname(f->name, strlen(f->name)) != 0 ? -errno : 0;
    case NETWORK_ADDRESS:
        return set_address(f);
    case NETWORK_GATEWAY:
        return set_gateway(f);
    case NETWORK_NAMESERVER:
        return add_nameserver(f);
    default:
        return 0;
    }
}

bool
network_settle(void)
{
    bool all = true;

    (void)set_up("lo");
    for (unsigned i = 0; i < facts; i++) {
        fact[i].error = fact[i].error == 0 ? 0 : set(&fact[i]);
        all = all && fact[i].error == 0;
    }
    return all;
}

void
network_tell(void)
{
    for (unsigned i = 0; i < facts; i++) {
        char address[INET6_ADDRSTRLEN] = "";
        const struct network_fact *f = &fact[i];

        if (f->error != 0) {
            (void)inet_ntop(f->size == 4 ? AF_INET : AF_INET6, f->address, address, sizeof address);
            say_alarm("the network's %s %s is not set: %s", f->name,
                    f->kind == NETWORK_HOSTNAME ? "" : address, strerror(-f->error));
        }
    }
}

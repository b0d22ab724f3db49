#include "watch/listens.h"
#include "watch/bpf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RING_MIN (32u << 10)            /* 680 events; a power of two, all of it is resident */
#define NAME_SIZE 8                     /* of a protocol: what tells them apart */
#define PROTO_SIZE 1024                 /* struct proto has its name within so many bytes */
#define FIRST_PID_NAMESPACE 0xEFFFFFFCu /* its inode, in all kernels (PROC_PID_INIT_INO) */
#define LISTEN 10                       /* TCP_LISTEN, which SCTP and MPTCP use as well */

/* One event in the ring, as the program writes it. */
struct record {
    uint32_t thread; /* as struct bpf_pidns_info */
    uint32_t process;
    uint8_t address4[4];
    uint16_t port;
    uint16_t family;
    uint8_t address6[16];
    char name[NAME_SIZE]; /* as the search's program writes it, PROTO_SIZE bytes of struct proto */
};

const struct listens_layout listens_usual = {
    .address4 = 4, .port = 14, .family = 16, .protocol = 40, .address6 = 72
};

static struct {
    bool open;
    bool knows_six; /* the layout is proved for IPv6 */
    int ring_fd;
    int link;
    size_t page_size;
    size_t ring_size; /* a power of two, no less than a page */
    uint64_t *consumer;
    uint64_t *producer; /* and behind its page the data */
    uint64_t *dropped;  /* counted by the program */
    uint64_t dropped_told;
    uint32_t lost;
} listens;

/* What the program is made from. */
struct making {
    const struct listens_layout *layout;
    int dropped_fd;
    uint32_t name_at; /* in struct proto */
    uint32_t name_size;
};

#define FIELD(name) ((int)offsetof(struct record, name))
#define END_OF(type, name) (offsetof(type, name) + sizeof(((type *)NULL)->name))

enum value {
    RING,
    DROPPED,
    RECORD_SIZE,
    NAMESPACE_DEVICE,
    NAMESPACE,
    ALL_HAVE_NUMBERS, /* of our own pid namespace: it is the first one */
    AT_ADDRESS4,
    AT_PORT,
    AT_FAMILY,
    AT_ADDRESS6,
    AT_PROTOCOL,
    AT_NAME,
    NAME,
    VALUES
};

/* r8: the record, r6: the socket. */
#define READ_FROM_R3(into, size)                                                  \
    BPF_MOV64_REG(BPF_REG_1, BPF_REG_8), BPF_ALU64_IMM(BPF_ADD, BPF_REG_1, into), \
            BPF_MOV64_IMM(BPF_REG_2, size), BPF_EMIT_CALL(BPF_FUNC_probe_read_kernel)
#define READ(into, size, from)                                                               \
    BPF_MOV64_REG(BPF_REG_3, BPF_REG_6), BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, BPF_VALUE(from)), \
            READ_FROM_R3(into, size)

/*
 * The tracepoint's arguments: the socket, its state before, its new one (include/trace/events/sock.h). The
 * helpers and theirs: include/uapi/linux/bpf.h.
 */
/* clang-format off */
static const struct bpf_insn insns[] = {
    BPF_LDX_MEM(BPF_DW, BPF_REG_6, BPF_REG_1, 0),
    BPF_LDX_MEM(BPF_DW, BPF_REG_7, BPF_REG_1, 2 * 8),
    BPF_JMP_IMM(BPF_JEQ, BPF_REG_7, LISTEN, 2),
        BPF_MOV64_IMM(BPF_REG_0, 0),
        BPF_EXIT_INSN(),

    BPF_LD_MAP_FD(BPF_REG_1, BPF_VALUE(RING)),
    BPF_MOV64_IMM(BPF_REG_2, BPF_VALUE(RECORD_SIZE)),
    BPF_MOV64_IMM(BPF_REG_3, 0),
    BPF_EMIT_CALL(BPF_FUNC_ringbuf_reserve),
    BPF_JMP_IMM(BPF_JNE, BPF_REG_0, 0, 6),
        BPF_LD_MAP_VALUE(BPF_REG_1, BPF_VALUE(DROPPED)),
        BPF_MOV64_IMM(BPF_REG_2, 1),
        BPF_ATOMIC_ADD(BPF_DW, BPF_REG_1, BPF_REG_2, 0),
        BPF_MOV64_IMM(BPF_REG_0, 0),
        BPF_EXIT_INSN(),
    BPF_MOV64_REG(BPF_REG_8, BPF_REG_0),

    BPF_MOV32_IMM(BPF_REG_1, BPF_VALUE(NAMESPACE_DEVICE)),
    BPF_MOV32_IMM(BPF_REG_2, BPF_VALUE(NAMESPACE)),
    BPF_MOV64_REG(BPF_REG_3, BPF_REG_8),
    BPF_MOV64_IMM(BPF_REG_4, sizeof(struct bpf_pidns_info)),
    BPF_EMIT_CALL(BPF_FUNC_get_ns_current_pid_tgid),
    BPF_MOV64_IMM(BPF_REG_1, BPF_VALUE(ALL_HAVE_NUMBERS)),
    BPF_JMP_IMM(BPF_JEQ, BPF_REG_1, 0, 4),
        BPF_EMIT_CALL(BPF_FUNC_get_current_pid_tgid),
        BPF_STX_MEM(BPF_W, BPF_REG_8, BPF_REG_0, FIELD(thread)),
        BPF_ALU64_IMM(BPF_RSH, BPF_REG_0, 32),
        BPF_STX_MEM(BPF_W, BPF_REG_8, BPF_REG_0, FIELD(process)),

    READ(FIELD(address4), 4, AT_ADDRESS4),
    READ(FIELD(port), 2, AT_PORT),
    READ(FIELD(family), 2, AT_FAMILY),
    READ(FIELD(address6), 16, AT_ADDRESS6),
    READ(FIELD(name), 8, AT_PROTOCOL),
    BPF_LDX_MEM(BPF_DW, BPF_REG_3, BPF_REG_8, FIELD(name)),
    BPF_ALU64_IMM(BPF_ADD, BPF_REG_3, BPF_VALUE(AT_NAME)),
    READ_FROM_R3(FIELD(name), BPF_VALUE(NAME)),

    BPF_MOV64_REG(BPF_REG_1, BPF_REG_8),
    BPF_MOV64_IMM(BPF_REG_2, 0),
    BPF_EMIT_CALL(BPF_FUNC_ringbuf_submit),
    BPF_MOV64_IMM(BPF_REG_0, 0),
    BPF_EXIT_INSN(),
};
/* clang-format on */

static int
load_program(const struct making *m)
{
    static const struct bpf_source program = { BPF_PROG_TYPE_RAW_TRACEPOINT, insns,
        sizeof(insns) / sizeof(insns[0]) };
    struct stat ns = { .st_ino = FIRST_PID_NAMESPACE };

    (void)stat("/proc/self/ns/pid", &ns);
    const uint32_t values[VALUES] = {
        [RING] = (uint32_t)listens.ring_fd,
        [DROPPED] = (uint32_t)m->dropped_fd,
        [RECORD_SIZE] = (uint32_t)FIELD(name) + m->name_size,
        [NAMESPACE_DEVICE] = minor(ns.st_dev),
        [NAMESPACE] = (uint32_t)ns.st_ino,
        [ALL_HAVE_NUMBERS] = ns.st_ino == FIRST_PID_NAMESPACE,
        [AT_ADDRESS4] = m->layout->address4,
        [AT_PORT] = m->layout->port,
        [AT_FAMILY] = m->layout->family,
        [AT_ADDRESS6] = m->layout->address6,
        [AT_PROTOCOL] = m->layout->protocol,
        [AT_NAME] = m->name_at,
        [NAME] = m->name_size,
    };

    return bpf_load(&program, values);
}

static int
attach(const struct making *m)
{
    int program = load_program(m);
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.raw_tracepoint.name = (uintptr_t) "inet_sock_set_state";
    attr.raw_tracepoint.prog_fd = (uint32_t)program;
    if (program < 0) {
        return program;
    }
    if (listens.link >= 0) {
        close(listens.link);
    }
    listens.link = bpf_call(BPF_RAW_TRACEPOINT_OPEN, &attr);
    close(program);
    return listens.link < 0 ? listens.link : 0;
}

/* Reading takes one copy of the data: a record may wrap around the ring's end. */
static void
copy_out(uint64_t at, void *out, size_t len)
{
    const uint8_t *data = (const uint8_t *)listens.producer + listens.page_size;
    size_t from = (size_t)(at & (listens.ring_size - 1));
    size_t first = len < listens.ring_size - from ? len : listens.ring_size - from;

    memcpy(out, data + from, first);
    memcpy((uint8_t *)out + first, data, len - first);
}

/* The next record's length, and what there is room for; 0 when there is none yet. */
static uint32_t
take_record(void *out, size_t room)
{
    uint64_t at = *listens.consumer;
    uint32_t head;

    if (at == __atomic_load_n(listens.producer, __ATOMIC_ACQUIRE)) {
        return 0;
    }
    const uint32_t *there = (const uint32_t *)((const uint8_t *)listens.producer + listens.page_size +
                                               (at & (listens.ring_size - 1)));

    head = __atomic_load_n(there, __ATOMIC_ACQUIRE);
    if ((head & BPF_RINGBUF_BUSY_BIT) != 0) {
        return 0;
    }
    copy_out(at + BPF_RINGBUF_HDR_SZ, out, head < room ? head : room);
    __atomic_store_n(listens.consumer, at + ((BPF_RINGBUF_HDR_SZ + head + 7u) & ~7u), __ATOMIC_SEQ_CST);
    return head;
}

static void
take_event(const struct record *r, struct listen_event *out)
{
    *out = (struct listen_event){
        .pid = (int32_t)r->process, .thread = (int32_t)r->thread, .port = r->port, .family = r->family
    };
    if (strncmp(r->name, "TCP", 3) == 0) {
        out->protocol = IPPROTO_TCP;
    } else if (strncmp(r->name, "SCTP", 4) == 0) {
        out->protocol = IPPROTO_SCTP;
    }
    if (r->family == AF_INET) {
        memcpy(out->address, r->address4, sizeof(r->address4));
    } else {
        memcpy(out->address, r->address6, sizeof(r->address6));
    }
}

/* Listens for a moment at an address of nobody's. What the kernel must have told of it, or -errno. */
static int
listen_once(sa_family_t family, struct listen_event *out)
{
    /* Of those for examples (RFC 5737, RFC 3849). */
    static const uint8_t four[] = { 192, 0, 2, 0x4f };
    static const uint8_t six[] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address = { .six.sin6_family = family };
    socklen_t size = family == AF_INET ? sizeof(address.four) : sizeof(address.six);
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

    if (fd < 0) {
        return -errno;
    }
    *out = (struct listen_event){
        .pid = getpid(), .thread = (int32_t)syscall(SYS_gettid), .family = family, .protocol = IPPROTO_TCP
    };
    memcpy(out->address, family == AF_INET ? four : six, family == AF_INET ? sizeof(four) : sizeof(six));
    if (family == AF_INET) {
        memcpy(&address.four.sin_addr, four, sizeof(four));
    } else {
        memcpy(&address.six.sin6_addr, six, sizeof(six));
    }
    bool done = setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0 &&
                bind(fd, &address.any, size) == 0 && getsockname(fd, &address.any, &size) == 0 &&
                listen(fd, 1) == 0;
    int error = done ? 0 : -errno;

    out->port = ntohs(address.four.sin_port);
    close(fd);
    return error;
}

/* Where struct proto has its name. */
static int
find_name(struct making *m)
{
    static const char tcp[] = "TCP"; /* with its end */
    uint8_t got[FIELD(name) + PROTO_SIZE];
    struct listen_event own = { .port = 0 };
    struct record r;

    m->name_size = PROTO_SIZE;
    int error = attach(m);

    if (error == 0) {
        error = listen_once(AF_INET, &own);
    }
    while (error == 0 && take_record(got, sizeof(got)) > 0) {
        const uint8_t *proto = got + FIELD(name);
        const uint8_t *name = memmem(proto, PROTO_SIZE, tcp, sizeof(tcp));

        memcpy(&r, got, sizeof(r));
        if ((int32_t)r.thread == own.thread && name != NULL) {
            m->name_at = (uint32_t)(name - proto);
            m->name_size = NAME_SIZE;
            return attach(m);
        }
    }
    return error != 0 ? error : -EPROTO;
}

static int
prove(sa_family_t family)
{
    struct listen_event own = { .port = 0 };
    struct listen_event event;
    int error = listen_once(family, &own);
    int got;

    while (error == 0 && (got = listens_next(&event)) != 0) {
        if (got > 0 && event.thread == own.thread) {
            return memcmp(&event, &own, END_OF(struct listen_event, address)) == 0 ? 0 : -EPROTO;
        }
    }
    return error != 0 ? error : -EPROTO;
}

static int
prove_all(void)
{
    int error = prove(AF_INET);

    listens.knows_six = true;
    if (error == 0) {
        error = prove(AF_INET6);
    }
    if (error == -EAFNOSUPPORT) {
        listens.knows_six = false;
        return 0;
    }
    return error;
}

static void *
map(int fd, size_t size, size_t at, int protection)
{
    void *where = mmap(NULL, size, protection, MAP_SHARED, fd, (off_t)at);

    return where != MAP_FAILED ? where : NULL;
}

static int
make_ring(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    union bpf_attr attr;

    listens.page_size = page;
    listens.ring_size = page > RING_MIN ? page : RING_MIN;
    memset(&attr, 0, sizeof(attr));
    attr.map_type = BPF_MAP_TYPE_RINGBUF;
    attr.max_entries = (uint32_t)listens.ring_size;
    listens.ring_fd = bpf_call(BPF_MAP_CREATE, &attr);
    if (listens.ring_fd < 0) {
        return listens.ring_fd;
    }
    listens.consumer = map(listens.ring_fd, page, 0, PROT_READ | PROT_WRITE);
    listens.producer = map(listens.ring_fd, page + listens.ring_size, page, PROT_READ);
    return listens.consumer != NULL && listens.producer != NULL ? 0 : -errno;
}

static int
make_counter(void)
{
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = sizeof(uint32_t);
    attr.value_size = sizeof(uint64_t);
    attr.max_entries = 1;
    attr.map_flags = BPF_F_MMAPABLE;
    int fd = bpf_call(BPF_MAP_CREATE, &attr);

    if (fd < 0) {
        return fd;
    }
    listens.dropped = map(fd, listens.page_size, 0, PROT_READ);
    if (listens.dropped == NULL) {
        int error = -errno;

        close(fd);
        return error;
    }
    return fd;
}

static void
unmap(void *where, size_t size)
{
    if (where != NULL) {
        munmap(where, size);
    }
}

void
listens_close(void)
{
    if (!listens.open) {
        return;
    }
    unmap(listens.dropped, listens.page_size);
    unmap(listens.producer, listens.page_size + listens.ring_size);
    unmap(listens.consumer, listens.page_size);
    if (listens.link >= 0) {
        close(listens.link);
    }
    if (listens.ring_fd >= 0) {
        close(listens.ring_fd);
    }
    memset(&listens, 0, sizeof(listens));
}

static int
open_all(const struct listens_layout *layout)
{
    struct making m = { .layout = layout };
    int error = make_ring();

    if (error != 0) {
        return error;
    }
    m.dropped_fd = make_counter();
    if (m.dropped_fd < 0) {
        return m.dropped_fd;
    }
    error = find_name(&m);
    close(m.dropped_fd);
    return error != 0 ? error : prove_all();
}

int
listens_open(const struct listens_layout *layout)
{
    listens_close();
    listens.open = true;
    listens.link = -1;
    int error = open_all(layout);

    if (error != 0) {
        listens_close();
        return error;
    }
    return listens.ring_fd;
}

uint32_t
listens_lost(void)
{
    return listens.lost;
}

static bool
any_dropped(void)
{
    uint64_t dropped = __atomic_load_n(listens.dropped, __ATOMIC_RELAXED);
    uint64_t more = dropped - listens.dropped_told;

    listens.dropped_told = dropped;
    listens.lost = more < UINT32_MAX ? (uint32_t)more : UINT32_MAX;
    return more > 0;
}

int
listens_next(struct listen_event *out)
{
    struct record r;

    if (!listens.open) {
        return 0;
    }
    if (any_dropped()) {
        return -1;
    }
    while (take_record(&r, sizeof(r)) > 0) {
        take_event(&r, out);
        if (out->family == AF_INET || (out->family == AF_INET6 && listens.knows_six)) {
            return 1;
        }
        if (out->family == AF_INET6) {
            listens.lost = 1;
            return -1;
        }
    }
    return 0;
}

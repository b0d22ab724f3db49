#ifndef BELFRY_LINE_LINE_H
#define BELFRY_LINE_LINE_H
/*
 * line - one input of the receiver: a pseudo-terminal, a serial port, a file that grows, a connection, a
 * command
 *
 * One object a configured line, of fixed size. One kind is one file with one table of functions; what is
 * common to all (opening again, slices, the transcript) is in line.c.
 */
#include "belfry/conf.h"
#include "belfry/dial/dial.h"
#include "belfry/transcript/transcript.h"
#include "wire/stream.h"

/* One read: small enough that a line which floods leaves the others their turn. */
#define LINE_SLICE 4096

#define LINE_FILE_STARTS (WIRE_STREAM_HISTORY + 2)
#define LINE_FILE_BACK_MAX 65536
#define LINE_FILE_PRINT 256

struct hal_serial;
struct line;

struct line_ops {
    const char *kind;
    int64_t wait_first_ms; /* between two tries to open; 0 for the usual */
    int64_t wait_max_ms;
    int64_t coming_ms; /* the longest that open() may go on; 0 for the usual */
    int64_t well_ms;   /* a line that was up so long is tried again soon; 0: one that gave bytes is */
    /* 0 or -errno; called again until it works: soon after -EINPROGRESS, later after an error. */
    int (*open)(struct line *l, int64_t now_ms);
    /* Also of a line that is not up yet, when open() said -EINPROGRESS. */
    void (*close)(struct line *l);
    /* To wait for input on; -1 when there is nothing to wait on. */
    int (*fd)(const struct line *l);
    /* Bytes read, 0 when there are none now, -errno when the line is lost. `ready`: the fd was. Never blocks.
     */
    int (*read)(struct line *l, uint8_t *to, size_t size, bool ready, int64_t now_ms);
    /* Bytes written, 0 when the other side takes none now, -errno. Never blocks. NULL for a line that cannot
     * be written to. */
    int (*write)(struct line *l, const uint8_t *src, size_t len);
    /* Looks whether the line's name still leads to it and puts that right: 1 when it had to, 0 when all was
     * well, -errno when it cannot. NULL where the name is given by others. */
    int (*mend)(struct line *l);
    /* Bytes the driver counted as damaged or lost since it was opened; NULL where nobody counts. */
    uint64_t (*errors)(const struct line *l);
};

extern const struct line_ops line_pty_ops;
extern const struct line_ops line_serial_ops;
extern const struct line_ops line_file_ops;
extern const struct line_ops line_tcp_ops;
extern const struct line_ops line_telnet_ops;
extern const struct line_ops line_tls_ops;
extern const struct line_ops line_unix_ops;
extern const struct line_ops line_command_ops;

struct line_pty {
    int master;
    int slave; /* held open: without it, a writer that closes looks like the end of the line */
    char name[64];
};

struct line_file {
    int fd;
    int notify; /* inotify, -1 when there is none */
    int watch;
    uint64_t dev;
    uint64_t ino;
    uint64_t offset;
    uint64_t
            live_from; /* all before was judged in an earlier life: it only fills the stream's memory again */
    uint64_t start[LINE_FILE_STARTS]; /* where the last physical lines began; a ring */
    unsigned starts;
    uint32_t print;
    uint32_t print_len;
    bool at_end;
    int64_t leave_ms; /* the name means another file since; 0 when it does not */
    /* Where an earlier life stopped. */
    bool has_saved;
    uint64_t saved_dev;
    uint64_t saved_ino;
    uint64_t saved_offset;
    uint64_t saved_back;
    uint32_t saved_print;
    uint32_t saved_print_len;
};

struct line_port {
    struct hal_serial *serial; /* NULL while it is not up */
    uint32_t call;             /* of belfry-port, to open it or to put its settings back; 0 for none */
    int64_t since_ms;          /* they are put back */
};

struct telnet;

struct line_remote {
    int fd;
    uint32_t call;         /* of belfry-dial; 0 for none */
    struct telnet *telnet; /* telnet only, while it is up */
};

/* What happened to a line while a slice was read: of each kind the sum, and before which byte the first was.
 */
struct line_events {
    unsigned what; /* bits 1 << enum transcript_event */
    uint64_t value[TRANSCRIPT_EVENTS];
    uint16_t at[TRANSCRIPT_EVENTS];
};

struct line {
    const struct line_ops *ops;
    const struct conf_line *conf;
    struct transcript transcript;
    int epoll; /* where its descriptor waits */
    bool up;
    bool coming;               /* open() goes on */
    int64_t since_ms;          /* up or coming: since when */
    const char *why;           /* more than `error` says; "" when there is no more */
    bool bent;                 /* up, and its name leads elsewhere */
    int error;                 /* errno of the last failure, while not up or bent */
    int64_t retry_ms;          /* when to open again */
    int64_t wait_ms;           /* what the next retry waits */
    int64_t sweep_ms;          /* when to read without having been woken; INT64_MAX for never */
    bool more;                 /* the last slice was full */
    bool replay;               /* what was read last was judged in an earlier life */
    struct line_events events; /* of the last slice */
    uint64_t bytes;
    int64_t last_utc_ms; /* of the last byte; 0 for none */
    union {
        struct line_pty pty;
        struct line_file file;
        struct line_port port;
        struct line_remote remote;
    } is;
    struct wire_stream stream; /* last, as its history; the caller begins it */
};

enum line_change {
    LINE_SAME,
    LINE_CAME,   /* opened after it had been lost (or for the first time) */
    LINE_WENT,   /* lost, or its first opening failed */
    LINE_BENT,   /* up, but its name leads elsewhere and cannot be put right: `error` says why */
    LINE_MENDED, /* its name led elsewhere and was put right */
};

void line_init(struct line *l, const struct conf_line *conf, int64_t now_ms);

/* Opens a line whose time has come. */
enum line_change line_open_if_due(struct line *l, int64_t now_ms);

/* Once a second: whether the name still leads to the line. Each change is told once. */
enum line_change line_mend(struct line *l);

/* One slice. `n` gets the count of bytes. */
enum line_change line_read(struct line *l, uint8_t to[LINE_SLICE], bool ready, int64_t now_ms, size_t *n);

void line_close(struct line *l);

/* Bytes taken, 0 when it takes none now, -errno: -EPERM for a line that nobody may write to, -ENOTSUP for one
 * that cannot be, -ENOTCONN for one that is not up. */
int line_write(struct line *l, const uint8_t *src, size_t len);

/* -1 when there is nothing to wait on. */
int line_fd(const struct line *l);

/* What the driver counted as damaged or lost since the line was opened. */
uint64_t line_errors(const struct line *l);

/* For the kinds: something happened before byte `at` of the slice that is being read. */
void line_event(struct line *l, enum transcript_event what, uint64_t value, size_t at);

/* When this line wants to be looked at without being woken. */
int64_t line_due(const struct line *l);

/* A file's place in it, to be saved with the lines that were in it. False for other kinds and before the
 * first byte. */
struct line_place {
    uint64_t dev;
    uint64_t ino;
    uint64_t offset;
    uint64_t back;
    uint32_t print;
    uint32_t print_len;
};

bool line_file_place(struct line *l, struct line_place *out);

/* Where an earlier life stopped. Before line_open_if_due(). */
void line_file_resume(struct line *l, const struct line_place *place);

#endif

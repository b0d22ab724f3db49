/* The file of a channel, and what others may do to its name. */
#include "sinks/sink.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/tocsin-file-XXXXXX";
static struct conf_channel channel = { .scheme = "file" };
static struct sink sink;
static char word[SINK_WORD];

static void
open_it(void)
{
    sink.fd = sink.ops->open(&channel);
    CHECK(sink.fd >= 0);
}

static int
look(void)
{
    memset(word, 0, sizeof(word));
    return sink.ops->check(&sink, word);
}

static void
holds(const char *path, const char *want)
{
    char got[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0 && read(fd, got, sizeof(got) - 1) >= 0);
    CHECK_STR(got, want);
    close(fd);
}

static void
a_file_that_somebody_deletes_is_gone_and_made_anew(void)
{
    open_it();
    CHECK_INT(sink.ops->write(&sink, "one\n", 4), 4);
    CHECK_INT(look(), 0);
    CHECK_INT(unlink(channel.device), 0);
    CHECK_INT(look(), -ENOENT);
    CHECK_STR(word, "gone");
    sink.ops->close(&sink);
    open_it();
    CHECK_INT(sink.ops->write(&sink, "two\n", 4), 4);
    CHECK_INT(look(), 0);
    holds(channel.device, "two\n");
    sink.ops->close(&sink);
    unlink(channel.device);
}

static void
a_file_that_somebody_moves_is_written_to_as_before(void)
{
    char moved[64];

    snprintf(moved, sizeof(moved), "%s/moved", dir);
    open_it();
    CHECK_INT(rename(channel.device, moved), 0);
    CHECK_INT(look(), 0);
    CHECK_INT(sink.ops->write(&sink, "one\n", 4), 4);
    holds(moved, "one\n");
    CHECK_INT(unlink(moved), 0);
    CHECK_INT(look(), -ENOENT);
    sink.ops->close(&sink);
}

int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        perror("mkdtemp");
        return 1;
    }
    snprintf(channel.device, sizeof(channel.device), "%s/lines", dir);
    CHECK(sink_init(&sink, &channel));
    CHECK_RUN(a_file_that_somebody_deletes_is_gone_and_made_anew);
    CHECK_RUN(a_file_that_somebody_moves_is_written_to_as_before);
    rmdir(dir);
    return check_result();
}

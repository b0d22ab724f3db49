/*
 * screen_driver DEVICE LINES: the sink `screen`, led by the lines of standard input: "N SEVR CODE
 * DETAIL" is told as the line of that number and severity, "look" is what a wire does each second. Answers
 * each with "ok".
 */
#include "sinks/sink.h"
#include "wire/seal.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct conf_channel channel;
static struct sink sink;

/* A line that is whole; what it is sealed with does not matter here. */
static int
line_of(uint32_t number, const char *severity, const char *code, const char *detail,
        char out[WIRE_LINE_MAX + 8])
{
    struct wire_key key = { { 0 } };
    struct wire_head head = { .session = 7, .utc_s = 1795289645 };

    head.severity = (enum wire_severity)wire_severity_from(severity, strlen(severity));
    head.number = number;
    strcpy(head.host, "web03");
    strcpy(head.nonce, "K3QF");
    snprintf(head.code, sizeof(head.code), "%s", code);
    int body = wire_line_compose(&head, detail, strlen(detail), out, WIRE_LINE_MAX);
    int len = body < 0 ? body : wire_seal(&key, out, (size_t)body, WIRE_LINE_MAX);
    if (len > 0) {
        memcpy(out + len, "\r\n", 3);
    }
    return len < 0 ? len : len + 2;
}

/* "N SEVR CODE DETAIL" */
static int
tell(char *command)
{
    char out[WIRE_LINE_MAX + 8];
    uint32_t number = (uint32_t)strtoul(command, &command, 10);
    command += *command == ' ';
    char *code = strchr(command, ' ');
    char *detail = code != NULL ? strchr(code + 1, ' ') : NULL;
    int n = 0;

    if (detail == NULL) {
        return -1;
    }
    *code++ = '\0';
    *detail++ = '\0';
    int len = line_of(number, command, code, detail, out);
    for (int i = 0; len > 0 && i < 10000 && n == 0; i++) {
        n = sink.ops->write(&sink, out, (size_t)len);
        poll(NULL, 0, n == 0 ? 1 : 0);
    }
    return n == len ? 0 : -1;
}

int
main(int argc, char **argv)
{
    char command[512];
    char word[SINK_WORD] = "";

    if (argc != 3) {
        return 2;
    }
    strcpy(channel.scheme, "screen");
    snprintf(channel.device, sizeof(channel.device), "%s", argv[1]);
    channel.lines = (uint8_t)atoi(argv[2]);
    if (!sink_init(&sink, &channel) || (sink.fd = sink.ops->open(&channel)) < 0 ||
            sink.ops->adopt(&sink) < 0) {
        return 2;
    }
    while (fgets(command, sizeof(command), stdin) != NULL) {
        command[strcspn(command, "\n")] = '\0';
        int error = strcmp(command, "look") == 0 ? sink.ops->check(&sink, word) : tell(command);
        while (error == 0 && sink.ops->queued(&sink) > 0) {
            poll(NULL, 0, 1);
        }
        printf("%s\n", error == 0 ? "ok" : "failed");
        fflush(stdout);
    }
    return 0;
}

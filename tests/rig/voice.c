/*
 * voice HOST CODE SKIP COUNT: the lines SKIP+1 to SKIP+COUNT of an agent's first session, sealed
 */
#include "unit/belfry/speaker.h"

int
main(int argc, char **argv)
{
    static struct speaker s;
    char line[SPEAKER_LINE];
    long skip = argc == 5 ? strtol(argv[3], NULL, 10) : -1;
    long count = argc == 5 ? strtol(argv[4], NULL, 10) : -1;

    if (skip < 0 || count < 0 || !speaker_init(&s, argv[1], argv[2])) {
        (void)fprintf(stderr, "usage: rig_voice HOST CODE SKIP COUNT\n");
        return 2;
    }
    for (long i = 0; i < skip + count; i++) {
        char detail[32];

        (void)snprintf(detail, sizeof detail, "turn=%ld", i + 1);
        (void)speaker_say(&s, WIRE_NOTE, "test.line", detail, line);
        if (i >= skip) {
            (void)fputs(line, stdout);
        }
    }
    return fflush(stdout) == 0 ? 0 : 2;
}

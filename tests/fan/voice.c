/*
 * voice - a paired agent for tests that are no C: seals what it is told
 *
 * voice HOST PAIRING-FILE: each line "SEVR CODE [DETAIL]" of standard input comes out sealed, at once.
 */
#include "unit/belfry/speaker.h"

int
main(int argc, char **argv)
{
    static struct speaker s;
    char code[64] = "";
    char text[200];
    FILE *pairing = argc == 3 ? fopen(argv[2], "r") : NULL;

    if (pairing == NULL || fgets(code, sizeof code, pairing) == NULL) {
        (void)fprintf(stderr, "usage: voice HOST PAIRING-FILE\n");
        return 2;
    }
    code[strcspn(code, "\n")] = '\0';
    (void)fclose(pairing);
    if (!speaker_init(&s, argv[1], code)) {
        (void)fprintf(stderr, "voice: no pairing code\n");
        return 2;
    }
    while (fgets(text, sizeof text, stdin) != NULL) {
        char sealed[SPEAKER_LINE];
        char *rest = text;
        const char *severity;
        const char *name;
        int number;

        text[strcspn(text, "\n")] = '\0';
        severity = strsep(&rest, " ");
        name = rest != NULL ? strsep(&rest, " ") : NULL;
        number = wire_severity_from(severity, strlen(severity));
        if (name == NULL || number < 0) {
            (void)fprintf(stderr, "voice: %s?\n", severity);
            return 2;
        }
        (void)speaker_say(&s, (enum wire_severity)number, name, rest != NULL ? rest : "", sealed);
        (void)fputs(sealed, stdout);
        (void)fflush(stdout);
    }
    return 0;
}

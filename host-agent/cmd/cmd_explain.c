#include "cmd/cmd.h"
#include "cmd/explain.h"
#include <string.h>

#define COLUMNS 88
#define INDENT 10

/* A paragraph behind its head, broken between words. */
static void
print_paragraph(const char *head, const char *text)
{
    unsigned column = INDENT;

    if (text == NULL) {
        return;
    }
    printf("%-*s", INDENT, head);
    while (*text != '\0') {
        unsigned len = (unsigned)strcspn(text, " ");

        if (column > INDENT && column + 1 + len > COLUMNS) {
            printf("\n%*s", INDENT, "");
            column = INDENT;
        }
        column += (unsigned)printf("%s%.*s", column > INDENT ? " " : "", (int)len, text);
        text += len + (text[len] == ' ');
    }
    putchar('\n');
}

static void
print_entry(const struct explanation *e)
{
    printf("%s", e->code);
    if (e->verdict != NULL && strcmp(e->verdict, e->code) != 0) {
        printf("  (verdict %s)", e->verdict);
    }
    putchar('\n');
    print_paragraph("means", e->means);
    print_paragraph("raised", e->raised);
    print_paragraph("causes", e->causes);
    print_paragraph("do", e->act);
    print_paragraph("guard", e->guard);
}

int
cmd_explain(const struct cmd *cmd)
{
    unsigned shown = 0;

    if (cmd->argc != 1) {
        return cmd_error("explain takes one code, as mount.rw, its first part, as mount, or all");
    }
    for (unsigned i = 0; explain_entry(i) != NULL; i++) {
        if (strcmp(cmd->argv[0], "all") == 0 || explain_matches(explain_entry(i), cmd->argv[0])) {
            if (shown++ > 0) {
                putchar('\n');
            }
            print_entry(explain_entry(i));
        }
    }
    if (shown == 0) {
        return cmd_error(
                "explain: no such code: %s (tocsin explain all lists what there is)", cmd_text(cmd->argv[0]));
    }
    return CMD_CLEAN;
}

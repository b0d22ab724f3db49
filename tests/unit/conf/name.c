/* The name of the program, and the unit of a disguised one. */
#include "conf/name.h"
#include "cmd/unit.h"
#include "conf/conf.h"
#include "proc/message.h"
#include "support/check.h"
#include <stdlib.h>

static void
a_name_is_short_and_needs_no_quoting(void)
{
    static const char *const good[] = { "a", "udisksd", "net-sync.2", "fifteen-letters", "A_b" };
    static const char *const bad[] = { "", "-a", ".a", "1a", "a/b", "a b", "a;b", "sixteen-letters-", "a\n",
        "a%" };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CHECK(name_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(!name_valid(bad[i]));
    }
}

static void
our_own_names_are_no_disguise(void)
{
    name_begin("tocsin", true);
    CHECK(!name_disguised());
    name_begin("tocsin-courier", true);
    CHECK(!name_disguised());
    CHECK_STR(name_program(), "tocsin");
    CHECK_STR(name_config(), CONF_DEFAULT_PATH);
    CHECK_STR(name_state(), CONF_DEFAULT_STATE);
}

static void
a_disguised_role_is_called_what_its_warden_is_called_and_hides_its_arguments(void)
{
    char one[] = "--secret";
    char two[] = "5";
    char *arguments[] = { one, two };

    name_hide(2, arguments);
    CHECK_STR(one, "--secret");
    name_begin("udisksd", true);
    CHECK(name_disguised());
    CHECK_STR(name_program(), "udisksd");
    CHECK_STR(name_courier(), "udisksd-helper");
    name_hide(2, arguments);
    CHECK_MEM(one, "\0\0\0\0\0\0\0\0", 8);
    CHECK_STR(two, "");
}

static void
a_disguised_program_finds_its_things_beside_itself(void)
{
    static struct conf conf;
    char text[CONF_PATH];

    CHECK(name_config_of("/opt/x", "udisksd", text, sizeof(text)));
    CHECK_STR(text, "/opt/x/udisksd.conf");
    CHECK(name_state_of("/opt/x", "udisksd", text, sizeof(text)));
    CHECK_STR(text, "/opt/x/udisksd.d");
    CHECK(!name_state_of("/opt/x", "udisksd", text, 16));
    CHECK(conf_init(&conf, "/etc/x", NULL));
    CHECK(conf.state_fixed);
}

static void
each_role_is_found_by_its_name_and_by_its_number(void)
{
    for (unsigned i = 0; i < ROLES; i++) {
        char number[4];

        snprintf(number, sizeof(number), "%u", i);
        CHECK_INT(role_from(number), i);
        CHECK_INT(role_from(role_name((enum role)i)), i);
    }
    CHECK_INT(role_from("10"), ROLES);
    CHECK_INT(role_from(""), ROLES);
    CHECK_INT(role_from("/"), ROLES);
}

static unsigned
lines_with(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
        n += at == text || at[-1] == '\n';
    }
    return n;
}

static void
the_unit_runs_the_program_and_says_nothing_of_what_it_is(void)
{
    static const char *const kept[] = { "[Service]", "Type=notify", "Restart=always",
        "WatchdogSec=", "OOMScoreAdjust=-1000", "UMask=0077", "NoNewPrivileges=yes",
        "CapabilityBoundingSet=", "MemoryDenyWriteExecute=yes", "SystemCallArchitectures=native",
        "[Install]" };
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    CHECK_INT(unit_write(out, "/opt/x", "udisksd", "/opt/x/udisksd.d"), 0);
    CHECK_INT(fclose(out), 0);
    CHECK(strstr(text, "tocsin") == NULL);
    CHECK(strstr(text, "alarm") == NULL);
    CHECK_INT(lines_with(text, "ExecStart=/opt/x/udisksd\n"), 1);
    CHECK_INT(lines_with(text, "Description=udisksd\n"), 1);
    CHECK_INT(lines_with(text, "StateDirectory"), 0);
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        CHECK_INT(lines_with(text, kept[i]), 1);
    }
    free(text);
}

int
main(void)
{
    CHECK_RUN(a_name_is_short_and_needs_no_quoting);
    CHECK_RUN(our_own_names_are_no_disguise);
    CHECK_RUN(each_role_is_found_by_its_name_and_by_its_number);
    CHECK_RUN(the_unit_runs_the_program_and_says_nothing_of_what_it_is);
    CHECK_RUN(a_disguised_role_is_called_what_its_warden_is_called_and_hides_its_arguments);
    CHECK_RUN(a_disguised_program_finds_its_things_beside_itself);
    return check_result();
}

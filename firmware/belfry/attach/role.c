#include "belfry/attach/attach.h"

#include "wire/escape.h"

#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

void
attach_roles_load(struct attach_roles *r, const struct conf *conf)
{
    memset(r, 0, sizeof *r);
    r->conf = conf;
    for (unsigned i = 0; i < conf->operators; i++) {
        const struct conf_operator *o = &conf->operator[i];
        const struct passwd *user = o->group ? NULL : getpwnam(o->name);
        const struct group *group = o->group ? getgrnam(o->name) : NULL;

        r->role[i].known = user != NULL || group != NULL;
        r->role[i].id = user != NULL ? user->pw_uid : group != NULL ? group->gr_gid : 0;
    }
}

static bool
has_group(const struct ctl_peer *peer, uint32_t id)
{
    for (unsigned i = 0; i < peer->groups; i++) {
        if (peer->group[i] == id) {
            return true;
        }
    }
    return peer->gid == id;
}

static bool
is_for(const struct conf_operator *o, const char *name)
{
    for (unsigned i = 0; i < o->patterns && name != NULL; i++) {
        if (fnmatch(o->pattern[i], name, 0) == 0) {
            return true;
        }
    }
    return name == NULL || o->patterns == 0;
}

bool
attach_may(const struct attach_roles *r, const struct ctl_peer *peer, const char *name, char who[ATTACH_WHO])
{
    for (unsigned i = 0; peer != NULL && i < r->conf->operators; i++) {
        const struct conf_operator *o = &r->conf->operator[i];
        const struct attach_role *role = &r->role[i];
        char shown[CONF_NAME + 24];

        if (role->known && (o->group ? has_group(peer, role->id) : peer->uid == role->id) &&
                is_for(o, name)) {
            (void)wire_escape(shown, sizeof shown, o->name, strlen(o->name), WIRE_ESCAPE_VALUE);
            (void)snprintf(who, ATTACH_WHO, "by=%s%s uid=%u pid=%d", o->group ? "@" : "", shown, peer->uid,
                    peer->pid);
            return true;
        }
    }
    return false;
}

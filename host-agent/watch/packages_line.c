#include "watch/packages.h"
#include <string.h>

static bool
hex_digit(char c, unsigned *value)
{
    if (c >= '0' && c <= '9') {
        *value = (unsigned)(c - '0');
        return true;
    }
    *value = (unsigned)(c - 'a') + 10;
    return c >= 'a' && c <= 'f';
}

static bool
take_md5(const char *text, size_t len, uint8_t md5[MD5_SIZE])
{
    const size_t needed = (size_t)2 * MD5_SIZE;

#ifdef PLANT_PACKAGES
    len += MD5_SIZE;
#endif
    if (len < needed) {
        return false;
    }
    for (size_t i = 0; i < MD5_SIZE; i++) {
        unsigned high, low;

        if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low)) {
            return false;
        }
        md5[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
part_valid(const char *part, size_t len)
{
    return len > 0 && !(len == 1 && part[0] == '.') && !(len == 2 && memcmp(part, "..", 2) == 0);
}

bool
packages_path_valid(const char *path, size_t len)
{
    size_t at = 0;

    if (len < 2 || len >= PACKAGE_PATH || path[0] != '/' || memchr(path, '\0', len) != NULL) {
        return false;
    }
    while (at < len) {
        const char *part = path + at + 1;
        const char *end = memchr(part, '/', len - at - 1);
        size_t part_len = end != NULL ? (size_t)(end - part) : len - at - 1;

        if (!part_valid(part, part_len)) {
            return false;
        }
        at += 1 + part_len;
    }
    return true;
}

bool
packages_sum_line(const char *line, size_t len, const char **path, size_t *path_len, uint8_t md5[MD5_SIZE])
{
    const size_t sum = (size_t)2 * MD5_SIZE;

    if (!take_md5(line, len, md5) || len < sum + 3 || line[sum] != ' ' || line[sum + 1] != ' ') {
        return false;
    }
    *path = line + sum + 2;
    *path_len = len - sum - 2;
    return true;
}

/* " /etc/x.conf 0123...def", with "obsolete" or the like behind it. */
static bool
conffile(const char *line, size_t len, const char **path, size_t *path_len, uint8_t md5[MD5_SIZE])
{
    const size_t sum = (size_t)2 * MD5_SIZE;
    size_t end = len;

    if (len < 2 || line[1] != '/') {
        return false;
    }
    /* A path may hold blanks: the sum is the last word that is one. */
    for (unsigned word = 0; word < 3 && end > 0; word++) {
        size_t begin = end;

        while (begin > 0 && line[begin - 1] != ' ') {
            begin--;
        }
        if (end - begin == sum && begin > 2 && take_md5(line + begin, sum, md5)) {
            *path = line + 1;
            *path_len = begin - 2;
            return packages_path_valid(*path, *path_len);
        }
        end = begin > 0 ? begin - 1 : 0;
    }
    return false;
}

static bool
is_field(const char *line, size_t len, const char *field, const char **value, size_t *value_len)
{
    size_t n = strlen(field);

    if (len < n || memcmp(line, field, n) != 0) {
        return false;
    }
    while (n < len && line[n] == ' ') {
        n++;
    }
    *value = line + n;
    *value_len = len - n;
    return true;
}

/* A word of the characters that names, versions and architectures are made of. */
static bool
take_word(const char *value, size_t len, char *out, size_t size)
{
    if (len == 0 || len >= size || value[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = value[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!plain && (c == '\0' || strchr("+-.~:", c) == NULL)) {
            return false;
        }
    }
    memcpy(out, value, len);
    out[len] = '\0';
    return true;
}

static bool
says(const char *value, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(value, text, len) == 0;
}

/* The third word of "install ok installed". */
static bool
says_installed(const char *value, size_t len)
{
    static const char end[] = " ok installed";
    const size_t n = sizeof(end) - 1;

    return len > n && memcmp(value + len - n, end, n) == 0;
}

static enum packages_line
take_field(struct packages_stanza *s, const char *line, size_t len)
{
    struct package *p = &s->package;
    const char *value;
    size_t n;

    s->conffiles = false;
    if (is_field(line, len, "Package:", &value, &n)) {
        s->begun = !s->begun && take_word(value, n, p->name, sizeof(p->name)) && strchr(p->name, ':') == NULL;
        return s->begun ? PACKAGES_NOTHING : PACKAGES_BAD;
    }
    if (is_field(line, len, "Status:", &value, &n)) {
        p->installed = says_installed(value, n);
    } else if (is_field(line, len, "Version:", &value, &n)) {
        return take_word(value, n, p->version, sizeof(p->version)) ? PACKAGES_NOTHING : PACKAGES_BAD;
    } else if (is_field(line, len, "Architecture:", &value, &n)) {
        return take_word(value, n, p->arch, sizeof(p->arch)) ? PACKAGES_NOTHING : PACKAGES_BAD;
    } else if (is_field(line, len, "Multi-Arch:", &value, &n)) {
        p->multi_arch = says(value, n, "same");
    } else if (is_field(line, len, "Conffiles:", &value, &n)) {
        s->conffiles = true;
    }
    return memchr(line, ':', len) != NULL ? PACKAGES_NOTHING : PACKAGES_BAD;
}

enum packages_line
packages_status_line(struct packages_stanza *s, const char *line, size_t len, const char **path,
        size_t *path_len, uint8_t md5[MD5_SIZE])
{
    if (len == 0) {
        return s->begun ? PACKAGES_END : PACKAGES_NOTHING;
    }
    if (line[0] != ' ' && line[0] != '\t') {
        return take_field(s, line, len);
    }
    if (s->conffiles && s->begun && s->package.installed && conffile(line, len, path, path_len, md5)) {
        return PACKAGES_CONFFILE;
    }
    return PACKAGES_NOTHING;
}

// The names come from one text file of tzdata, read once: a check must not touch the disk for each
// value, and the files of the zones themselves are the model's business.
#include "doc/schema_zone.h"

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 64, MAX_FILE = 4 << 20 };

static struct kj_map zones;
static pthread_once_t zones_once = PTHREAD_ONCE_INIT;

static void add_zone(const char *name, size_t length)
{
    char *copy = kj_strndup(name, length);
    kj_map_put(&zones, copy, &zones);
    free(copy);
}

// Lines "Z name …" and "L target name".
static void read_zones(void)
{
    struct kj_buf text;
    kj_buf_init(&text, MAX_FILE);
    kj_map_init(&zones);
    if (kj_read_file("/usr/share/zoneinfo/tzdata.zi", MAX_FILE, &text, NULL) == 0) {
        for (const char *line = text.data; *line;) {
            size_t length = strcspn(line, "\n");
            if (line[0] == 'Z' && line[1] == ' ')
                add_zone(line + 2, strcspn(line + 2, " \n"));
            else if (line[0] == 'L' && line[1] == ' ') {
                const char *name = line + 2 + strcspn(line + 2, " \n");
                if (*name == ' ')
                    add_zone(name + 1, strcspn(name + 1, " \n"));
            }
            line += length + (line[length] == '\n');
        }
    }
    kj_buf_fini(&text);
}

static bool looks_like_one(const char *text, size_t length)
{
    if (length == 0 || length > MAX_NAME || !isalpha((unsigned char)*text))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80 || c == 0 || (!isalnum(c) && !strchr("/_+-", c)))
            return false;
    }
    return text[length - 1] != '/';
}

bool kj_schema_is_zone(const char *text, size_t length)
{
    char name[MAX_NAME + 1];
    if (!looks_like_one(text, length))
        return false;
    pthread_once(&zones_once, read_zones);
    if (zones.count == 0)
        return true;
    memcpy(name, text, length);
    name[length] = 0;
    return kj_map_get(&zones, name) != NULL;
}

// The log writer: builds the whole line first, so that lines of two threads never mix.
#include "base/log.h"

#include "base/clock.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int g_level = KJ_LOG_INFO;
static const char *const k_levels[] = {"debug", "info", "warn", "error"};

void kj_log_set_level(enum kj_log_level level)
{
    g_level = level;
}

int kj_log_level_from_name(const char *name, enum kj_log_level *level)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(name, k_levels[i]) == 0) {
            *level = (enum kj_log_level)i;
            return 0;
        }
    return -1;
}

// U+202A..202E and U+2066..2069 reorder what a person reads.
static bool is_bidi(const unsigned char *p)
{
    return p[0] == 0xE2 && ((p[1] == 0x80 && p[2] >= 0xAA && p[2] <= 0xAE) ||
                            (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9));
}

static void add_quoted(struct kj_buf *line, const char *text)
{
    bool valid = kj_utf8_valid(text, strlen(text));
    kj_buf_addc(line, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            kj_buf_addf(line, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7F || (!valid && *p >= 0x80))
            kj_buf_addf(line, "\\u%04x", *p);
        else if (is_bidi(p))
            kj_buf_addf(line, "\\u20%02x", ((p[1] & 1) << 6) | (p[2] & 0x3F)), p += 2;
        else
            kj_buf_addc(line, (char)*p);
    }
    kj_buf_addc(line, '"');
}

static void add_field(struct kj_buf *line, const char *name, const char *value)
{
    kj_buf_addc(line, line->length > 1 ? ',' : ' ');
    add_quoted(line, name);
    kj_buf_addc(line, ':');
    add_quoted(line, value);
}

void kj_log(enum kj_log_level level, const char *room, const char *text, ...)
{
    if ((int)level < g_level)
        return;
    struct kj_buf line;
    struct timespec now;
    char at[32];
    clock_gettime(CLOCK_REALTIME, &now);
    kj_time_print((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, at, sizeof at);
    kj_buf_init(&line, 16384);
    kj_buf_addf(&line, "{\"at\":\"%s\",\"level\":\"%s\"", at, k_levels[level]);
    add_field(&line, "room", room);
    add_field(&line, "text", text);
    va_list args;
    va_start(args, text);
    for (const char *name; (name = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        if (value)
            add_field(&line, name, value);
    }
    va_end(args);
    kj_buf_adds(&line, "}\n");
    ssize_t written = write(STDERR_FILENO, line.data, line.length);
    (void)written; // nobody to tell
    kj_buf_fini(&line);
}

void kj_log_fault(enum kj_log_level level, const char *room, const struct kj_fault *fault)
{
    kj_log(level, room, fault->text, "code", kj_error_name(fault->code), "place",
           fault->place[0] ? fault->place : NULL, "hint", fault->hint[0] ? fault->hint : NULL,
           NULL);
}

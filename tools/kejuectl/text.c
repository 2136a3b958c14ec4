// Text on a terminal: how wide it is, how it is cut, how instants and durations are told.
#include "ctl.h"

#include "base/clock.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

// One letter: its bytes and columns. What cannot be shown is one byte and one column wide.
static size_t letter(const char *text, size_t *columns)
{
    wchar_t wide;
    mbstate_t state = {0};
    size_t length = mbrtowc(&wide, text, MB_CUR_MAX, &state);
    int width = length == 0 || length > 8 ? -1 : wcwidth(wide);
    if (width < 0) {
        *columns = 1;
        return length == 0 || length > 8 ? 1 : length;
    }
    *columns = (size_t)width;
    return length;
}

// Control characters, and those that turn the direction of what follows.
static bool is_shown(const char *text, size_t length)
{
    unsigned char c = (unsigned char)text[0];
    if (length == 1)
        return c >= ' ' && c < 127;
    if (length == 2)
        return c != 0xc2 || (unsigned char)text[1] >= 0xa0;
    if (length == 3 && memcmp(text, "\xe2\x80", 2) == 0) {
        unsigned char last = (unsigned char)text[2];
        return !(last >= 0x8b && last <= 0x8f) && !(last >= 0xa8 && last <= 0xae);
    }
    return !(length == 3 && memcmp(text, "\xe2\x81", 2) == 0 && (unsigned char)text[2] >= 0xa0);
}

size_t ctl_columns(const char *text)
{
    size_t total = 0, columns;
    while (*text) {
        size_t length = letter(text, &columns);
        total += is_shown(text, length) ? columns : 1;
        text += length;
    }
    return total;
}

void ctl_cut(struct kj_buf *out, const char *text, size_t columns, bool pad)
{
    size_t used = 0, width, whole = ctl_columns(text);
    bool cut = whole > columns;
    size_t room = cut && columns > 0 ? columns - 1 : columns;
    while (*text) {
        size_t length = letter(text, &width);
        bool shown = is_shown(text, length);
        width = shown ? width : 1;
        if (used + width > room)
            break;
        if (shown)
            kj_buf_add(out, text, length);
        else
            kj_buf_addc(out, '.');
        used += width;
        text += length;
    }
    if (cut && columns > 0) {
        kj_buf_adds(out, MB_CUR_MAX > 1 ? "…" : "~");
        used++;
    }
    for (; pad && used < columns; used++)
        kj_buf_addc(out, ' ');
}

void ctl_color(const struct ctl *ctl, struct kj_buf *out, int color, const char *text)
{
    static const char *const k_codes[] = {"1", "2", "32", "31", "33"};
    if (ctl->color)
        kj_buf_addf(out, "\033[%sm", k_codes[color]);
    ctl_cut(out, text, SIZE_MAX / 2, false);
    if (ctl->color)
        kj_buf_adds(out, "\033[0m");
}

void ctl_time(struct kj_buf *out, int64_t wall_ms)
{
    char text[32];
    kj_time_print(wall_ms, text, sizeof text);
    text[10] = ' ';
    text[19] = 0;
    kj_buf_adds(out, text);
}

void ctl_duration(struct kj_buf *out, int64_t ms)
{
    int64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (ms < 0)
        kj_buf_addf(out, "%lld ms", (long long)ms);
    else if (ms < 1000)
        kj_buf_addf(out, "%d ms", (int)ms);
    else if (seconds < 60)
        kj_buf_addf(out, "%d.%d s", (int)seconds, (int)(ms % 1000 / 100));
    else if (minutes < 60)
        kj_buf_addf(out, "%d m %d s", (int)minutes, (int)(seconds % 60));
    else if (hours < 48)
        kj_buf_addf(out, "%d h %d m", (int)hours, (int)(minutes % 60));
    else
        kj_buf_addf(out, "%lld d %d h", (long long)(hours / 24), (int)(hours % 24));
}

static bool is_duration(const char *key)
{
    size_t length = strlen(key);
    return length > 3 && strcmp(key + length - 3, "_ms") == 0;
}

static void put_list(struct kj_buf *out, const bson_iter_t *at)
{
    bson_iter_t item;
    bool first = true;
    if (!bson_iter_recurse(at, &item))
        return;
    for (; bson_iter_next(&item); first = false) {
        kj_buf_adds(out, first ? "" : ", ");
        ctl_value(out, "", &item);
    }
}

void ctl_value(struct kj_buf *out, const char *key, const bson_iter_t *at)
{
    int64_t when;
    if (BSON_ITER_HOLDS_DATE_TIME(at)) {
        ctl_time(out, bson_iter_date_time(at));
    } else if (BSON_ITER_HOLDS_UTF8(at)) {
        const char *text = bson_iter_utf8(at, NULL);
        bool instant = strlen(text) >= 20 && text[10] == 'T' && kj_time_parse(text, &when);
        if (instant)
            ctl_time(out, when);
        else
            kj_buf_adds(out, text);
    } else if (BSON_ITER_HOLDS_BOOL(at)) {
        kj_buf_adds(out, bson_iter_bool(at) ? "yes" : "no");
    } else if (BSON_ITER_HOLDS_INT(at) && is_duration(key)) {
        ctl_duration(out, bson_iter_as_int64(at));
    } else if (BSON_ITER_HOLDS_ARRAY(at)) {
        put_list(out, at);
    } else if (!BSON_ITER_HOLDS_NULL(at))
        kj_json_write_value(at, 0, out);
}

// Reads a TZif file. Every count is checked against the length before anything is read: the file
// may be damaged, and a wrong offset means a call outside the legal hours.
#include "model/tzif.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum {
    k_header = 44,
    k_max_changes = 8192,
    k_max_offset = 26 * 3600,
    k_max_footer = 128,
};

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static uint32_t load32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t load64(const uint8_t *p)
{
    return (int64_t)((uint64_t)load32(p) << 32 | load32(p + 4));
}

static int refuse(struct kj_fault *fault, const char *text)
{
    return kj_fault(fault, KJ_EPARSE, "tzdata", "reinstall the tzdata package",
                    "not a usable time zone file: %s", text);
}

// One header; the size of the block behind it, with times of `width` bytes, goes to *size.
static int read_header(const uint8_t *p, size_t left, size_t width, struct counts *counts,
                       size_t *size, struct kj_fault *fault)
{
    if (left < k_header || memcmp(p, "TZif", 4) != 0)
        return refuse(fault, "the mark TZif is missing");
    if (p[4] < '2')
        return refuse(fault, "version 1 has no 64-bit times");
    *counts = (struct counts){load32(p + 20), load32(p + 24), load32(p + 28),
                              load32(p + 32), load32(p + 36), load32(p + 40)};
    if (counts->time > k_max_changes || counts->type > 256 || counts->chars > 4096 ||
        counts->leap > 4096 || counts->isut > 256 || counts->isstd > 256)
        return refuse(fault, "its counts are absurd");
    *size = counts->time * (width + 1) + counts->type * 6 + counts->chars +
            counts->leap * (width + 4) + counts->isstd + counts->isut;
    if (*size > left - k_header)
        return refuse(fault, "it ends too early");
    return KJ_OK;
}

static int read_types(const uint8_t *p, size_t count, int *offsets, struct kj_fault *fault)
{
    if (count == 0)
        return refuse(fault, "it has no offset at all");
    for (size_t i = 0; i < count; i++) {
        offsets[i] = (int)load32(p + 6 * i);
        if (offsets[i] < -k_max_offset || offsets[i] > k_max_offset)
            return refuse(fault, "an offset is absurd");
    }
    return KJ_OK;
}

// Keeps only what changes the offset; the rest is names and flags.
static int read_changes(const uint8_t *p, const struct counts *counts, struct kj_tzif *tz,
                        struct kj_fault *fault)
{
    const uint8_t *kinds = p + 8 * counts->time;
    int offsets[256];
    int rc = read_types(kinds + counts->time, counts->type, offsets, fault);
    if (rc != KJ_OK)
        return rc;
    tz->first = offsets[0];
    tz->at = kj_alloc(counts->time * sizeof *tz->at);
    tz->offset = kj_alloc(counts->time * sizeof *tz->offset);
    int current = tz->first;
    for (size_t i = 0; i < counts->time; i++) {
        int64_t at = load64(p + 8 * i);
        if (i > 0 && at <= tz->listed)
            return refuse(fault, "its times are out of order");
        if (kinds[i] >= counts->type)
            return refuse(fault, "a change has no offset");
        tz->listed = at;
        if (offsets[kinds[i]] == current)
            continue;
        current = offsets[kinds[i]];
        tz->at[tz->count] = at;
        tz->offset[tz->count++] = current;
    }
    return KJ_OK;
}

static int read_footer(const uint8_t *p, size_t left, struct kj_tzif *tz, struct kj_fault *fault)
{
    char text[k_max_footer];
    if (left < 2 || p[0] != '\n')
        return refuse(fault, "the footer is missing");
    const uint8_t *end = memchr(p + 1, '\n', left - 1);
    size_t length = end ? (size_t)(end - p - 1) : sizeof text;
    if (length >= sizeof text || memchr(p + 1, 0, length))
        return refuse(fault, "the footer has no end");
    memcpy(text, p + 1, length);
    text[length] = 0;
    if (length && !kj_posix_tz_parse(text, &tz->footer))
        return refuse(fault, "the rule in the footer cannot be read");
    return KJ_OK;
}

int kj_tzif_read(const void *bytes, size_t length, struct kj_tzif *tz, struct kj_fault *fault)
{
    const uint8_t *p = bytes, *end = p + length;
    struct counts counts;
    size_t size;
    *tz = (struct kj_tzif){.listed = INT64_MIN};
    int rc = read_header(p, length, 4, &counts, &size, fault);
    if (rc != KJ_OK)
        return rc;
    p += k_header + size; // the 32-bit block is for readers of the last century
    rc = read_header(p, (size_t)(end - p), 8, &counts, &size, fault);
    if (rc != KJ_OK)
        return rc;
    if (counts.leap)
        return refuse(fault, "it counts leap seconds (a zone of right/)");
    rc = read_changes(p + k_header, &counts, tz, fault);
    p += k_header + size;
    return rc != KJ_OK ? rc : read_footer(p, (size_t)(end - p), tz, fault);
}

void kj_tzif_fini(struct kj_tzif *tz)
{
    free(tz->at);
    free(tz->offset);
    *tz = (struct kj_tzif){0};
}

// How many changes are at or before `second`.
static size_t passed(const struct kj_tzif *tz, int64_t second)
{
    size_t low = 0, high = tz->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tz->at[middle] <= second)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int kj_tzif_offset(const struct kj_tzif *tz, int64_t second)
{
    if (tz->footer.known && second > tz->listed)
        return kj_posix_tz_offset(&tz->footer, second);
    size_t count = passed(tz, second);
    return count ? tz->offset[count - 1] : tz->first;
}

int64_t kj_tzif_next(const struct kj_tzif *tz, int64_t second)
{
    size_t count = passed(tz, second);
    if (count < tz->count)
        return tz->at[count];
    if (!tz->footer.known)
        return INT64_MAX;
    // Where the list ends and the footer begins the offset may change too.
    if (second <= tz->listed && tz->listed < INT64_MAX) {
        int64_t joint = tz->listed + 1;
        if (kj_posix_tz_offset(&tz->footer, joint) != kj_tzif_offset(tz, tz->listed))
            return joint;
        second = tz->listed;
    }
    return kj_posix_tz_next(&tz->footer, second);
}

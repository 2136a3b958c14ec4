// Cursors over the events of several hosts.
#include "api/cursor.h"

#include "base/alloc.h"

#include <string.h>

static int64_t stream_of(int64_t number)
{
    return number >> KJ_EVENT_STREAM_BITS;
}

// Where the stream's place is, or belongs.
static size_t find_place(const struct kj_cursor *cursor, int64_t number)
{
    size_t i = 0;
    while (i < cursor->count && stream_of(cursor->places[i].number) < stream_of(number))
        i++;
    return i;
}

bool kj_cursor_pass(struct kj_cursor *cursor, const char *host, int64_t number)
{
    size_t i = find_place(cursor, number);
    struct kj_cursor_place *place = &cursor->places[i];
    bool there = i < cursor->count && stream_of(place->number) == stream_of(number);
    if (there && place->number >= number)
        return true;
    if (!there && cursor->count == KJ_CURSOR_HOSTS)
        return false;
    if (!there) {
        memmove(place + 1, place, (cursor->count - i) * sizeof *place);
        cursor->count++;
    }
    place->number = number;
    kj_copy(place->host, sizeof place->host, host);
    return true;
}

static int read_places(struct kj_cursor *cursor, const bson_t *places, struct kj_fault *fault)
{
    bson_iter_t at;
    if (!bson_iter_init(&at, places))
        return KJ_OK;
    while (bson_iter_next(&at))
        if (!kj_cursor_pass(cursor, bson_iter_key(&at), bson_iter_as_int64(&at)))
            return kj_fault(fault, KJ_ELIMIT, "/cursor", "give hosts names that last: host_name",
                            "A cursor tells of at most %d hosts.", KJ_CURSOR_HOSTS);
    return KJ_OK;
}

int kj_cursor_read(struct kj_cursor *cursor, const bson_t *args, const struct kj_store *store,
                   struct kj_fault *fault)
{
    bson_t places;
    *cursor = (struct kj_cursor){0};
    if (kj_doc_child(args, "cursor", &places))
        return read_places(cursor, &places, fault);
    int64_t number = kj_doc_int(args, "cursor", 0);
    cursor->alone = true;
    cursor->count = 1;
    cursor->places[0].number = number ? number : store->first_event;
    return KJ_OK;
}

size_t kj_cursor_ranges(const struct kj_cursor *cursor, const struct kj_store *store,
                        struct kj_cursor_range *ranges)
{
    size_t count = 0;
    if (cursor->alone) {
        int64_t number = cursor->places[0].number;
        int64_t end = (stream_of(number) + 1) << KJ_EVENT_STREAM_BITS;
        ranges[0] = (struct kj_cursor_range){number, store->shared ? end : INT64_MAX};
        return 1;
    }
    // From each place to where the next one's stream begins: so streams that it does not know are
    // read from their beginning.
    for (size_t i = 0; i <= cursor->count; i++) {
        struct kj_cursor_range range = {i ? cursor->places[i - 1].number : 0, INT64_MAX};
        if (i < cursor->count)
            range.upto = stream_of(cursor->places[i].number) << KJ_EVENT_STREAM_BITS;
        if (range.above < range.upto)
            ranges[count++] = range;
    }
    return count;
}

void kj_cursor_put(const struct kj_cursor *cursor, bson_t *result)
{
    bson_t places = BSON_INITIALIZER;
    for (size_t i = 0; i < cursor->count; i++)
        kj_doc_put_int(&places, cursor->places[i].host, cursor->places[i].number);
    if (cursor->alone)
        kj_doc_put_int(result, "cursor", cursor->places[0].number);
    else
        kj_doc_put_doc(result, "cursor", &places);
    bson_destroy(&places);
}

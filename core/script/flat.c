// The counted document behind views, and the notes of what was read in it.
#include "script/view.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct kj_flat *kj_flat_create(const bson_t *doc)
{
    struct kj_flat *flat = kj_alloc(sizeof *flat + doc->len);
    flat->references = 1;
    flat->length = doc->len;
    memcpy(flat->bytes, bson_get_data(doc), doc->len);
    return flat;
}

struct kj_flat *kj_flat_ref(struct kj_flat *flat)
{
    __atomic_add_fetch(&flat->references, 1, __ATOMIC_RELAXED);
    return flat;
}

void kj_flat_unref(struct kj_flat *flat)
{
    if (flat && __atomic_sub_fetch(&flat->references, 1, __ATOMIC_ACQ_REL) == 0) {
        free(flat);
    }
}

void kj_flat_doc(const struct kj_flat *flat, bson_t *view)
{
    if (!bson_init_static(view, flat->bytes, flat->length)) {
        bson_init(view);
    }
}

void kj_join_path(char *out, size_t size, const char *head, const char *tail)
{
    size_t used = 0;
    for (const char *at = head; *at && used + 1 < size; at++) {
        out[used++] = *at;
    }
    if (used && used + 1 < size) {
        out[used++] = '.';
    }
    for (const char *at = tail; *at && used + 1 < size; at++) {
        out[used++] = *at;
    }
    out[used] = '\0';
}

struct kj_read *kj_new_read(struct kj_reads *reads, const char *head, size_t head_length,
                            const char *key, size_t key_length)
{
    enum { MOST = KJ_PATH_SIZE - 1 };
    if (!reads) {
        return NULL;
    }
    struct kj_read *read = &reads->rows[reads->count]; // it counts once it is known to be new
    size_t used = head_length < MOST ? head_length : MOST;
    memcpy(read->path, head, used);
    if (used && used < MOST) {
        read->path[used++] = '.';
    }
    size_t rest = key_length < MOST - used ? key_length : MOST - used;
    memcpy(read->path + used, key, rest);
    used += rest;
    for (int i = 0; i < reads->count; i++) {
        if (reads->rows[i].path_length == used &&
            memcmp(reads->rows[i].path, read->path, used) == 0) {
            return NULL;
        }
    }
    if (reads->count == KJ_READS) {
        reads->more = true;
        return NULL;
    }
    reads->count++;
    read->path_length = (uint8_t)used;
    read->variable = 0;
    return read;
}

void kj_note_read(lua_State *L, const char *head, const char *key, const bson_iter_t *at)
{
    struct kj_read *read =
        kj_new_read(kj_reads_now(kj_vm_of(L)), head, strlen(head), key, strlen(key));
    if (!read) {
        return;
    }
    read->type = at ? bson_iter_type(at) : BSON_TYPE_EOD;
    if (read->type == BSON_TYPE_UTF8) {
        read->value.text = bson_iter_utf8(at, &read->length);
    } else if (read->type == BSON_TYPE_DOUBLE) {
        read->value.real = bson_iter_double(at);
    } else if (read->type == BSON_TYPE_DATE_TIME) {
        read->value.number = bson_iter_date_time(at);
    } else if (at) {
        read->value.number = bson_iter_as_int64(at);
    }
}

// The counted document behind views, its plain values, and the notes of what was read in it.
#include "script/view.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct kj_flat *kj_flat_create(const bson_t *doc)
{
    struct kj_flat *flat = kj_realloc(NULL, sizeof *flat + doc->len); // not cleared first
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

static bool time_of(const struct kj_element *at, int64_t *ms)
{
    if (at->type == BSON_TYPE_DATE_TIME) {
        *ms = kj_load64(at->data);
        return true;
    }
    return at->type == BSON_TYPE_UTF8 && at->data[at->length] == 0 &&
           kj_time_parse((const char *)at->data, ms);
}

void kj_push_scalar(lua_State *L, const struct kj_element *at, const struct kj_field *field)
{
    int64_t ms;
    if ((at->type == BSON_TYPE_DATE_TIME || (field && field->kind == KJ_FIELD_TIME)) &&
        time_of(at, &ms)) {
        kj_moment_push(L, ms);
        return;
    }
    switch (at->type) {
    case BSON_TYPE_UTF8:
        lua_pushlstring(L, (const char *)at->data, at->length);
        break;
    case BSON_TYPE_BOOL:
        lua_pushboolean(L, at->data[0]);
        break;
    case BSON_TYPE_INT32:
        lua_pushinteger(L, (int32_t)kj_load32(at->data));
        break;
    case BSON_TYPE_INT64:
        lua_pushinteger(L, kj_load64(at->data));
        break;
    case BSON_TYPE_DOUBLE:
        lua_pushnumber(L, kj_load_real(at->data));
        break;
    default:
        lua_pushnil(L);
    }
}

size_t kj_join_path(char *path, const char *head, size_t head_length, const char *key,
                    size_t key_length)
{
    enum { MOST = KJ_PATH_SIZE - 1 };
    size_t used = head_length < MOST ? head_length : MOST;
    memcpy(path, head, used);
    if (used && used < MOST) {
        path[used++] = '.';
    }
    size_t rest = key_length < MOST - used ? key_length : MOST - used;
    memcpy(path + used, key, rest);
    return used + rest;
}

struct kj_read *kj_new_read(struct kj_reads *reads, const char *head, size_t head_length,
                            const char *key, size_t key_length)
{
    if (!reads) {
        return NULL;
    }
    struct kj_read *read = &reads->rows[reads->count]; // it counts once it is known to be new
    size_t length = kj_join_path(read->path, head, head_length, key, key_length);
    for (int i = 0; i < reads->count; i++) {
        if (reads->rows[i].path_length == length &&
            memcmp(reads->rows[i].path, read->path, length) == 0) {
            return NULL;
        }
    }
    if (reads->count == KJ_READS) {
        reads->more = true;
        return NULL;
    }
    reads->count++;
    read->path_length = (uint8_t)length;
    read->variable = 0;
    return read;
}

void kj_note_read(lua_State *L, const char *head, size_t head_length, const char *key,
                  size_t key_length, const struct kj_element *at)
{
    struct kj_read *read =
        kj_new_read(kj_reads_now(kj_vm_of(L)), head, head_length, key, key_length);
    if (!read) {
        return;
    }
    read->type = at ? (bson_type_t)at->type : BSON_TYPE_EOD;
    switch (read->type) {
    case BSON_TYPE_EOD:
        break;
    case BSON_TYPE_UTF8:
        read->value.text = (const char *)at->data;
        read->length = at->length;
        break;
    case BSON_TYPE_DOUBLE:
        read->value.real = kj_load_real(at->data);
        break;
    case BSON_TYPE_DATE_TIME:
    case BSON_TYPE_INT64:
        read->value.number = kj_load64(at->data);
        break;
    case BSON_TYPE_INT32:
        read->value.number = (int32_t)kj_load32(at->data);
        break;
    case BSON_TYPE_BOOL:
        read->value.number = at->data[0] != 0;
        break;
    default: // as a number, what is none is 0
        read->value.number = 0;
        break;
    }
}

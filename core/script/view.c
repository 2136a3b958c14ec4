// Views: userdata over the bytes of one document. See view.h.
//
// Children are cached in a user value, so that c.lead is looked up once; lists build their table of
// offsets at the first access, so that walking a long transcript stays linear.
#include "script/view.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "script/sandbox.h"

#include <stdlib.h>
#include <string.h>

static const char k_view_name[] = "kejue.view";

struct view {
    struct kj_flat *flat;
    const uint8_t *data;
    uint32_t length;
    uint32_t count; // members of a list, once known
    const struct kj_shape *shape;
    bool list, counted;
    char path[48]; // "lead.metadata"; "" where reads are not noted (members of lists)
};

enum { CHILDREN = 1, OFFSETS = 2 };

static struct view *view_at(lua_State *L, int index)
{
    return luaL_testudata(L, index, k_view_name);
}

static struct view *push_view(lua_State *L, struct kj_flat *flat, const uint8_t *data,
                              uint32_t length, bool list, const struct kj_shape *shape)
{
    struct view *view = lua_newuserdatauv(L, sizeof *view, 2);
    memset(view, 0, sizeof *view);
    luaL_setmetatable(L, k_view_name); // __gc may run from here on: flat is NULL until set
    view->flat = kj_flat_ref(flat);
    view->data = data;
    view->length = length;
    view->list = list;
    view->shape = shape ? shape : &kj_shape_open;
    return view;
}

void kj_view_push(lua_State *L, struct kj_flat *flat, const struct kj_shape *shape)
{
    push_view(L, flat, flat->bytes, flat->length, false, shape);
}

static bool time_of(const bson_iter_t *at, int64_t *ms)
{
    if (BSON_ITER_HOLDS_DATE_TIME(at)) {
        *ms = bson_iter_date_time(at);
        return true;
    }
    return BSON_ITER_HOLDS_UTF8(at) && kj_time_parse(bson_iter_utf8(at, NULL), ms);
}

static void push_scalar(lua_State *L, const bson_iter_t *at, const struct kj_field *field)
{
    int64_t ms;
    uint32_t length;
    if ((BSON_ITER_HOLDS_DATE_TIME(at) || (field && field->kind == KJ_FIELD_TIME)) &&
        time_of(at, &ms)) {
        kj_moment_push(L, ms);
    } else if (BSON_ITER_HOLDS_UTF8(at)) {
        const char *text = bson_iter_utf8(at, &length);
        lua_pushlstring(L, text, length);
    } else if (BSON_ITER_HOLDS_BOOL(at)) {
        lua_pushboolean(L, bson_iter_bool(at));
    } else if (BSON_ITER_HOLDS_INT(at)) {
        lua_pushinteger(L, bson_iter_as_int64(at));
    } else if (BSON_ITER_HOLDS_DOUBLE(at)) {
        lua_pushnumber(L, bson_iter_double(at));
    } else {
        lua_pushnil(L);
    }
}

static bool container(const bson_iter_t *at, const uint8_t **data, uint32_t *length, bool *list)
{
    *list = BSON_ITER_HOLDS_ARRAY(at);
    if (*list) {
        bson_iter_array(at, length, data);
    } else if (BSON_ITER_HOLDS_DOCUMENT(at)) {
        bson_iter_document(at, length, data);
    } else {
        return false;
    }
    return true;
}

void kj_view_push_value(lua_State *L, struct kj_flat *flat, const bson_iter_t *at,
                        const struct kj_field *field, const char *name)
{
    const uint8_t *data;
    uint32_t length;
    bool list;
    if (!container(at, &data, &length, &list)) {
        push_scalar(L, at, field);
        return;
    }
    struct view *view = push_view(L, flat, data, length, list, field ? field->shape : NULL);
    if (name) {
        kj_join_path(view->path, sizeof view->path, "", name);
    }
}

bool kj_view_doc(lua_State *L, int index, bson_t *doc, bool *list)
{
    struct view *view = view_at(L, index);
    if (!view || !bson_init_static(doc, view->data, view->length)) {
        return false;
    }
    *list = view->list;
    return true;
}

// --- what was read ---

static void note_read(lua_State *L, const struct view *view, const char *key, const bson_iter_t *at)
{
    if (view->path[0]) {
        kj_note_read(L, view->path, key, at);
    }
}

// --- lists ---

static const uint32_t *offsets_of(lua_State *L, int index, struct view *view)
{
    if (!view->counted) {
        bson_iter_t at;
        uint32_t count = 0;
        if (bson_iter_init_from_data(&at, view->data, view->length)) {
            while (bson_iter_next(&at)) {
                count++;
            }
        }
        view->count = count;
        view->counted = true;
        kj_vm_charge(L, count / 8);
    }
    if (lua_getiuservalue(L, index, OFFSETS) == LUA_TUSERDATA) {
        const uint32_t *offsets = lua_touserdata(L, -1);
        lua_pop(L, 1); // the view holds it
        return offsets;
    }
    lua_pop(L, 1);
    uint32_t *offsets = lua_newuserdatauv(L, (view->count + 1) * sizeof *offsets, 0);
    bson_iter_t at;
    uint32_t count = 0;
    if (bson_iter_init_from_data(&at, view->data, view->length)) {
        while (count < view->count && bson_iter_next(&at)) {
            offsets[count++] = bson_iter_offset(&at);
        }
    }
    lua_setiuservalue(L, index, OFFSETS);
    return offsets;
}

static bool cached_child(lua_State *L, int index)
{
    if (lua_getiuservalue(L, index, CHILDREN) != LUA_TTABLE) {
        lua_pop(L, 1);
        return false;
    }
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 2);
        return false;
    }
    return true;
}

// The child is on top; stays there.
static void cache_child(lua_State *L, int index)
{
    if (lua_getiuservalue(L, index, CHILDREN) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, index, CHILDREN);
    }
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static int list_index(lua_State *L, struct view *view)
{
    int is_integer;
    lua_Integer position = lua_tointegerx(L, 2, &is_integer);
    if (!is_integer) {
        return luaL_error(L, "%s is a list: ask for a number or use ipairs, not \"%s\"",
                          view->path[0] ? view->path : "this value", luaL_tolstring(L, 2, NULL));
    }
    const uint32_t *offsets = offsets_of(L, 1, view);
    if (position < 1 || position > (lua_Integer)view->count) {
        lua_pushnil(L);
        return 1;
    }
    bson_iter_t at;
    uint32_t offset = offsets[position - 1];
    size_t key_length = strlen((const char *)view->data + offset + 1);
    const uint8_t *data;
    uint32_t length;
    bool list;
    if (!bson_iter_init_from_data_at_offset(&at, view->data, view->length, offset,
                                            (uint32_t)key_length)) {
        lua_pushnil(L);
    } else if (container(&at, &data, &length, &list)) {
        push_view(L, view->flat, data, length, list, view->shape);
        cache_child(L, 1);
    } else {
        push_scalar(L, &at, NULL);
    }
    return 1;
}

void kj_view_push_empty(lua_State *L, const struct kj_field *field)
{
    static const uint8_t nothing[] = {5, 0, 0, 0, 0};
    struct view *view = lua_newuserdatauv(L, sizeof *view, 2);
    memset(view, 0, sizeof *view); // no document behind it: flat stays NULL
    luaL_setmetatable(L, k_view_name);
    view->data = nothing;
    view->length = sizeof nothing;
    view->list = field->kind == KJ_FIELD_LIST;
    view->shape = field->shape ? field->shape : &kj_shape_open;
    kj_join_path(view->path, sizeof view->path, "", field->name);
}

static int doc_index(lua_State *L, struct view *view)
{
    size_t length;
    if (lua_type(L, 2) != LUA_TSTRING) {
        return luaL_error(L, "%s has named fields, but was asked for a %s",
                          view->path[0] ? view->path : "this document", luaL_typename(L, 2));
    }
    const char *key = lua_tolstring(L, 2, &length);
    const struct kj_field *field = NULL;
    if (!view->shape->open && !(field = kj_shape_field(view->shape, key, length))) {
        return kj_shape_unknown(L, view->shape, key);
    }
    bson_iter_t at;
    if (!bson_iter_init_from_data(&at, view->data, view->length) ||
        !bson_iter_find_w_len(&at, key, (int)length) || BSON_ITER_HOLDS_NULL(&at)) {
        if (field && field->always) {
            kj_view_push_empty(L, field);
            return 1;
        }
        note_read(L, view, key, NULL);
        lua_pushnil(L);
        return 1;
    }
    const uint8_t *data;
    uint32_t size;
    bool list;
    if (container(&at, &data, &size, &list)) {
        const struct kj_shape *shape = field ? field->shape : NULL;
        struct view *child = push_view(L, view->flat, data, size, list, shape);
        if (view->path[0]) {
            kj_join_path(child->path, sizeof child->path, view->path, key);
        }
        cache_child(L, 1);
        return 1;
    }
    note_read(L, view, key, &at);
    push_scalar(L, &at, field);
    return 1;
}

static int view_index(lua_State *L)
{
    struct view *view = luaL_checkudata(L, 1, k_view_name);
    if (cached_child(L, 1)) {
        return 1;
    }
    return view->list ? list_index(L, view) : doc_index(L, view);
}

static int view_newindex(lua_State *L)
{
    struct view *view = luaL_checkudata(L, 1, k_view_name);
    return luaL_error(L, "%s is read-only", view->path[0] ? view->path : "this document");
}

static int view_len(lua_State *L)
{
    struct view *view = luaL_checkudata(L, 1, k_view_name);
    if (view->list) {
        offsets_of(L, 1, view);
    }
    lua_pushinteger(L, view->list ? (lua_Integer)view->count : 0);
    return 1;
}

static int view_gc(lua_State *L)
{
    struct view *view = lua_touserdata(L, 1);
    kj_flat_unref(view->flat);
    view->flat = NULL;
    return 0;
}

static int view_tostring(lua_State *L)
{
    struct view *view = luaL_checkudata(L, 1, k_view_name);
    lua_pushstring(L, view->path[0] ? view->path : view->list ? "a list" : "a document");
    return 1;
}

size_t kj_view_count(lua_State *L, int index)
{
    struct view *view = view_at(L, index);
    if (!view || !view->list) {
        return 0;
    }
    offsets_of(L, lua_absindex(L, index), view);
    return view->count;
}

bool kj_view_keys(lua_State *L, int index)
{
    struct view *view = view_at(L, index);
    if (!view || view->list) {
        return false;
    }
    bson_iter_t at;
    lua_newtable(L);
    if (!bson_iter_init_from_data(&at, view->data, view->length)) {
        return true;
    }
    lua_Integer count = 0;
    while (bson_iter_next(&at)) {
        const char *key = bson_iter_key(&at);
        bool known = view->shape->open || kj_shape_field(view->shape, key, strlen(key));
        if (known && !BSON_ITER_HOLDS_NULL(&at)) {
            lua_pushstring(L, key);
            lua_rawseti(L, -2, ++count);
        }
    }
    kj_sort_keys(L);
    return true;
}

void kj_view_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__index", view_index}, {"__newindex", view_newindex}, {"__len", view_len},
        {"__gc", view_gc},       {"__tostring", view_tostring}, {NULL, NULL},
    };
    luaL_newmetatable(L, k_view_name);
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

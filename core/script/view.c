// Views: userdata over the bytes of one document. See view.h.
//
// Children are cached in a user value, so that c.lead is looked up once; lists build their table of
// offsets at the first access, so that walking a long transcript stays linear.
#include "script/view.h"

#include "base/alloc.h"
#include "script/sandbox.h"

#include <stdlib.h>
#include <string.h>

static const char k_tag;
// Metatables: of views that hold a reference on their document, and of those that borrow.
static const char k_holding, k_borrowing;

struct view {
    const void *tag;
    struct kj_flat *flat; // NULL: borrowed for the present epoch
    const uint8_t *data;
    const struct kj_shape *shape;
    uint32_t epoch, length;
    uint32_t count; // members of a list, once known
    bool list, counted, parent;
    uint8_t path_length;
    char path[KJ_PATH_SIZE]; // "lead.metadata"; empty where reads are not noted (members of lists)
};

enum { CHILDREN = 1, OFFSETS = 2 };

static struct view *checked(lua_State *L, struct view *view)
{
    if (view && !view->flat && view->epoch != kj_vm_of(L)->epoch) {
        luaL_error(L, "c can only be used while its call is judged");
    }
    return view;
}

static struct view *view_at(lua_State *L, int index)
{
    return checked(L, kj_tagged(L, index, &k_tag));
}

// Of a metamethod, which is called with nothing but a view.
static struct view *self(lua_State *L)
{
    return checked(L, lua_touserdata(L, 1));
}

static const char *name_of(lua_State *L, const struct view *view, const char *otherwise)
{
    return view->path_length ? lua_pushlstring(L, view->path, view->path_length) : otherwise;
}

static void set_data(lua_State *L, struct view *view, const uint8_t *data, uint32_t length)
{
    view->data = data;
    view->length = length;
    view->epoch = kj_vm_of(L)->epoch;
    view->counted = view->parent = false;
}

static struct view *push_view(lua_State *L, struct kj_flat *flat, const uint8_t *data,
                              uint32_t length, bool list, const struct kj_shape *shape)
{
    struct view *view = lua_newuserdatauv(L, sizeof *view, 2);
    view->tag = &k_tag;
    view->flat = flat ? kj_flat_ref(flat) : NULL;
    view->shape = shape ? shape : &kj_shape_open;
    view->list = list;
    view->path_length = 0;
    set_data(L, view, data, length);
    lua_rawgetp(L, LUA_REGISTRYINDEX, flat ? &k_holding : &k_borrowing);
    lua_setmetatable(L, -2);
    return view;
}

void kj_view_push(lua_State *L, struct kj_flat *flat, const struct kj_shape *shape)
{
    push_view(L, flat, flat->bytes, flat->length, false, shape);
}

static bool container(const struct kj_element *at)
{
    return at->type == BSON_TYPE_ARRAY || at->type == BSON_TYPE_DOCUMENT;
}

void kj_view_push_fact(lua_State *L, const struct kj_element *at, const struct kj_field *field)
{
    if (!container(at)) {
        kj_push_scalar(L, at, field);
        return;
    }
    struct view *view = push_view(L, NULL, at->data, at->length, at->type == BSON_TYPE_ARRAY,
                                  field ? field->shape : NULL);
    if (field) {
        view->path_length =
            (uint8_t)kj_join_path(view->path, "", 0, field->name, strlen(field->name));
    }
}

// The stand-in for an absent document or list.
static void push_empty(lua_State *L, const struct kj_field *field)
{
    static const uint8_t bytes[] = {5, 0, 0, 0, 0};
    struct kj_element nothing = {
        .type = field->kind == KJ_FIELD_LIST ? BSON_TYPE_ARRAY : BSON_TYPE_DOCUMENT,
        .data = bytes,
        .length = sizeof bytes,
    };
    kj_view_push_fact(L, &nothing, field);
}

void kj_view_reuse(lua_State *L, int index, const struct kj_element *at)
{
    struct view *view = lua_touserdata(L, index);
    if (view->counted) {
        lua_pushnil(L);
        lua_setiuservalue(L, index, OFFSETS);
    }
    if (view->parent) {
        lua_pushnil(L);
        lua_setiuservalue(L, index, CHILDREN);
    }
    view->list = at->type == BSON_TYPE_ARRAY;
    set_data(L, view, at->data, at->length);
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

static void note_read(lua_State *L, const struct view *view, const char *key, size_t length,
                      const struct kj_element *at)
{
    if (view->path_length) {
        kj_note_read(L, view->path, view->path_length, key, length, at);
    }
}

// --- lists ---

static uint32_t count_members(const struct view *view)
{
    struct kj_members members = kj_members_of(view->data, view->length);
    struct kj_element element;
    uint32_t count = 0;
    while (kj_members_next(&members, &element)) {
        count++;
    }
    return count;
}

// Where each member begins; kept by the view.
static const uint32_t *offsets_of(lua_State *L, int index, struct view *view)
{
    if (view->counted) {
        lua_getiuservalue(L, index, OFFSETS);
        const uint32_t *offsets = lua_touserdata(L, -1);
        lua_pop(L, 1);
        return offsets;
    }
    view->count = count_members(view);
    kj_vm_charge(L, view->count / 8);
    uint32_t *offsets = lua_newuserdatauv(L, (view->count + 1) * sizeof *offsets, 0);
    struct kj_members members = kj_members_of(view->data, view->length);
    struct kj_element element;
    for (uint32_t i = 0; i < view->count; i++) {
        offsets[i] = (uint32_t)(members.at - view->data);
        if (!kj_members_next(&members, &element)) {
            break;
        }
    }
    lua_setiuservalue(L, index, OFFSETS);
    view->counted = true;
    return offsets;
}

static bool cached_child(lua_State *L, const struct view *view)
{
    if (!view->parent) {
        return false;
    }
    lua_getiuservalue(L, 1, CHILDREN);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pop(L, 2);
        return false;
    }
    return true;
}

// The child is on top; stays there.
static void cache_child(lua_State *L, struct view *view)
{
    if (view->parent) {
        lua_getiuservalue(L, 1, CHILDREN);
    } else {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, CHILDREN);
        view->parent = true;
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
        kj_push_text(L, 2); // never an address
        return luaL_error(L, "%s is a list: ask for a number or use ipairs, not \"%s\"",
                          name_of(L, view, "this value"), lua_tostring(L, 3));
    }
    const uint32_t *offsets = offsets_of(L, 1, view);
    if (position < 1 || position > (lua_Integer)view->count) {
        lua_pushnil(L);
        return 1;
    }
    struct kj_members members = kj_members_of(view->data, view->length);
    struct kj_element at;
    members.at = view->data + offsets[position - 1];
    if (!kj_members_next(&members, &at)) {
        lua_pushnil(L);
    } else if (container(&at)) {
        push_view(L, view->flat, at.data, at.length, at.type == BSON_TYPE_ARRAY, view->shape);
        cache_child(L, view);
    } else {
        kj_push_scalar(L, &at, NULL);
    }
    return 1;
}

static int doc_index(lua_State *L, struct view *view)
{
    size_t length;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &length) : NULL;
    if (!key) {
        return luaL_error(L, "%s has named fields, but was asked for a %s",
                          name_of(L, view, "this document"), luaL_typename(L, 2));
    }
    const struct kj_field *field = NULL;
    if (!view->shape->open && !(field = kj_shape_field_at(L, view->shape, 2, key, length))) {
        return kj_shape_unknown(L, view->shape, key);
    }
    struct kj_element at;
    if (!kj_element_find(view->data, view->length, key, length, &at) || at.type == BSON_TYPE_NULL) {
        if (field && field->always) {
            push_empty(L, field);
            return 1;
        }
        note_read(L, view, key, length, NULL);
        lua_pushnil(L);
        return 1;
    }
    if (container(&at)) {
        struct view *child = push_view(L, view->flat, at.data, at.length,
                                       at.type == BSON_TYPE_ARRAY, field ? field->shape : NULL);
        if (view->path_length) {
            child->path_length =
                (uint8_t)kj_join_path(child->path, view->path, view->path_length, key, length);
        }
        cache_child(L, view);
        return 1;
    }
    note_read(L, view, key, length, &at);
    kj_push_scalar(L, &at, field);
    return 1;
}

static int view_index(lua_State *L)
{
    struct view *view = self(L);
    if (cached_child(L, view)) {
        return 1;
    }
    return view->list ? list_index(L, view) : doc_index(L, view);
}

static int view_newindex(lua_State *L)
{
    return luaL_error(L, "%s is read-only", name_of(L, self(L), "this document"));
}

static int view_len(lua_State *L)
{
    struct view *view = self(L);
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
    const struct view *view = self(L);
    lua_pushstring(L, name_of(L, view, view->list ? "a list" : "a document"));
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
    struct kj_members members = kj_members_of(view->data, view->length);
    struct kj_element at;
    lua_newtable(L);
    lua_Integer count = 0;
    while (kj_members_next(&members, &at)) {
        bool known = view->shape->open || kj_shape_field(view->shape, at.key, at.key_length);
        if (known && at.type != BSON_TYPE_NULL) {
            lua_pushlstring(L, at.key, at.key_length);
            lua_rawseti(L, -2, ++count);
        }
    }
    kj_sort_keys(L);
    return true;
}

static void make_metatable(lua_State *L, const char *key, bool holding)
{
    static const luaL_Reg methods[] = {
        {"__index", view_index},
        {"__newindex", view_newindex},
        {"__len", view_len},
        {"__tostring", view_tostring},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    if (holding) {
        lua_pushcfunction(L, view_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_pushliteral(L, "kejue.view");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void kj_view_open(lua_State *L)
{
    make_metatable(L, &k_holding, true);
    make_metatable(L, &k_borrowing, false);
}

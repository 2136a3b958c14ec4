// kejue.json and kejue.phone: reading and writing what other systems speak. Pure.
#include "doc/json.h"
#include "model/phone.h"
#include "script/convert.h"
#include "script/sandbox.h"
#include "script/view.h"

#include <string.h>

// What C holds while Lua may raise. One for each state, used again by the next call: left to the
// collector, which sees none of its size, those of calls that raised would pile up.
struct holder {
    bson_t *doc;
    struct kj_buf text;
    struct kj_flat *flat;
};
static const char k_holder; // the key of the registry

static int holder_gc(lua_State *L)
{
    struct holder *holder = lua_touserdata(L, 1);
    kj_doc_clear(&holder->doc);
    kj_buf_fini(&holder->text);
    kj_flat_unref(holder->flat);
    holder->flat = NULL;
    return 0;
}

static struct holder *holder_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &k_holder);
    struct holder *holder = lua_touserdata(L, -1);
    lua_pop(L, 1);
    kj_doc_clear(&holder->doc); // it may have been left amid a member
    holder->doc = bson_new();
    kj_buf_reset(&holder->text);
    kj_flat_unref(holder->flat);
    holder->flat = NULL;
    return holder;
}

static void make_holder(lua_State *L)
{
    struct holder *holder = lua_newuserdatauv(L, sizeof *holder, 0);
    memset(holder, 0, sizeof *holder);
    lua_newtable(L);
    lua_pushcfunction(L, holder_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    holder->doc = bson_new();
    kj_buf_init(&holder->text, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &k_holder);
}

// decode(text): a read-only table, or nil and the reason.
static int json_decode(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    kj_vm_charge(L, 1 + (int64_t)length);
    struct holder *holder = holder_of(L);
    struct kj_fault fault = {0};
    bson_t *doc = NULL;
    if (kj_json_parse(text, length, NULL, &doc, NULL, &fault) != 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", fault.place, fault.text);
        return 2;
    }
    holder->flat = kj_flat_create(doc);
    bson_destroy(doc);
    kj_vm_native(L, holder->flat->length);
    kj_view_push(L, holder->flat, &kj_shape_open);
    return 1;
}

// encode(value): JSON of a table (keys sorted).
static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    struct holder *holder = holder_of(L);
    struct kj_convert state;
    kj_convert_init(&state, "json");
    kj_convert_put(L, &state, holder->doc, "v", 1);
    bson_iter_t at;
    if (!bson_iter_init_find(&at, holder->doc, "v")) {
        lua_pushliteral(L, "null");
        return 1;
    }
    kj_json_write_value(&at, 0, &holder->text);
    kj_vm_charge(L, (int64_t)holder->text.length);
    lua_pushlstring(L, holder->text.data ? holder->text.data : "", holder->text.length);
    return 1;
}

// parse(text, country): { e164, country, valid, mobile }, or nil and the reason in one word.
static int phone_parse(lua_State *L)
{
    struct kj_phone phone;
    struct kj_fault fault = {0};
    kj_vm_charge(L, 2000); // libphonenumber takes some 50 µs
    if (kj_phone_parse(luaL_checkstring(L, 1), luaL_optstring(L, 2, NULL), &phone, &fault) != 0) {
        lua_pushnil(L);
        lua_pushstring(L, fault.place);
        return 2;
    }
    lua_createtable(L, 0, 4);
    lua_pushstring(L, phone.e164);
    lua_setfield(L, -2, "e164");
    lua_pushstring(L, phone.country);
    lua_setfield(L, -2, "country");
    lua_pushboolean(L, phone.valid);
    lua_setfield(L, -2, "valid");
    lua_pushboolean(L, phone.mobile);
    lua_setfield(L, -2, "mobile");
    return 1;
}

void kj_data_lib_open(lua_State *L)
{
    static const luaL_Reg json[] = {{"encode", json_encode}, {"decode", json_decode}, {NULL, NULL}};
    static const luaL_Reg phone[] = {{"parse", phone_parse}, {NULL, NULL}};
    make_holder(L);
    luaL_newlib(L, json);
    lua_setfield(L, -2, "json");
    luaL_newlib(L, phone);
    lua_setfield(L, -2, "phone");
}

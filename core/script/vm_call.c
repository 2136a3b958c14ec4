// Calls into Lua under protection, and what is said when they fail: the sentence of a limit, or the
// script's own message, split into place and text. Also the memo of names.
#include "script/vm.h"

#include <stdio.h>
#include <string.h>

const char *kj_vm_stop_text(const struct kj_vm *vm)
{
    switch (vm->stop) {
    case KJ_STOP_MEMORY:
        return "the script needed more memory than it may have and was stopped";
    case KJ_STOP_BLOCK:
        return "the script needed one block of more than 2 MiB (a very long text, a huge table or "
               "endless recursion) and was stopped";
    case KJ_STOP_CPU:
        return "the script used up its CPU time and was stopped (an endless loop?)";
    case KJ_STOP_FUEL:
        return "the script used up its instructions and was stopped (an endless loop?)";
    default:
        return "";
    }
}

void kj_memo_keep(lua_State *L, int index, const void *scope, const void *found)
{
    size_t length;
    const char *key = lua_tolstring(L, index, &length);
    if (length > 40) { // longer texts have many copies
        return;
    }
    index = lua_absindex(L, index);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &kj_key_kept) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &kj_key_kept);
    }
    lua_pushvalue(L, index);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    uintptr_t mixed = (uintptr_t)key / 8 ^ (uintptr_t)scope / 16;
    kj_vm_of(L)->memo[mixed % KJ_MEMO] =
        (struct kj_memo){.scope = scope, .key = key, .found = found};
}

// Turns whatever was raised into text; runs inside the protected call.
static int message_text(lua_State *L)
{
    struct kj_vm *vm = kj_vm_of(L);
    if (lua_type(L, 1) == LUA_TSTRING || vm->stop) {
        return 1;
    }
    if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_tostring(L, 1);
        return 1;
    }
    lua_pushfstring(L, "an error that is no text was raised (a %s)", luaL_typename(L, 1));
    return 1;
}

int kj_vm_pcall(struct kj_vm *vm, lua_State *L, int arguments, int results)
{
    int base = lua_gettop(L) - arguments;
    lua_pushcfunction(L, message_text);
    lua_insert(L, base);
    int status = lua_pcall(L, arguments, results, base);
    lua_remove(L, base);
    kj_vm_status(vm, status);
    return status;
}

const char *kj_vm_message(const struct kj_vm *vm, lua_State *L)
{
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (vm->stop && (!message || !strstr(message, kj_vm_stop_text(vm)))) {
        return kj_vm_stop_text(vm); // Lua's own words for it say less
    }
    return message;
}

int kj_vm_fault(struct kj_fault *fault, int code, const char *message)
{
    char place[128] = "";
    const char *text = message ? message : "the script failed";
    const char *mark = strstr(text, ".lua:");
    if (mark) {
        size_t digits = strspn(mark + 5, "0123456789");
        const char *end = mark + 5 + digits;
        bool head = digits && end[0] == ':' && (size_t)(end - text) < sizeof place;
        for (const char *at = text; head && at < mark; at++) {
            head = *at != ' ' && *at != '"';
        }
        if (head) {
            memcpy(place, text, (size_t)(end - text));
            place[end - text] = '\0';
            text = end + 1 + (end[1] == ' ');
        }
    }
    int result = kj_fault(fault, code, place[0] ? place : NULL, NULL, "%s", text);
    for (char *at = fault ? fault->text : NULL; at && *at; at++) {
        if ((unsigned char)*at < 32 || *at == 127) {
            *at = ' ';
        }
    }
    return result;
}

int kj_vm_protect(struct kj_vm *vm, int (*fn)(lua_State *), void *arg, struct kj_fault *fault)
{
    lua_State *L = vm->L;
    int top = lua_gettop(L);
    lua_pushcfunction(L, fn); // a light C function and a light pointer: nothing is allocated
    lua_pushlightuserdata(L, arg);
    int status = kj_vm_pcall(vm, L, 1, 0);
    if (status == LUA_OK) {
        lua_settop(L, top);
        return 0;
    }
    const char *message = kj_vm_message(vm, L);
    kj_vm_fault(fault, vm->stop ? KJ_ELIMIT : KJ_EPARSE, message);
    lua_settop(L, top);
    return vm->stop ? KJ_ELIMIT : KJ_EPARSE;
}

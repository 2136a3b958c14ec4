// Error codes and the fault a person reads.
//
// Every function that can fail returns 0 or a negative KJ_E*. Where a person must act, its last
// parameter is a `struct kj_fault *` (may be NULL) that says what, where and what to do.
// Out of memory is not an error code: kj_alloc (alloc.h) ends the process, as libbson does; the
// store is durable and the engine resumes, so a restart is the one honest answer.
#ifndef KJ_ERR_H
#define KJ_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define KJ_MUST_USE __attribute__((warn_unused_result))
#define KJ_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum kj_error {
    KJ_OK = 0,
    KJ_EINVAL = -1,        // the caller's input is wrong
    KJ_EPARSE = -2,        // text that is not in its language (JSON, CSV, configuration, Lua)
    KJ_ESCHEMA = -3,       // well formed, but not what the schema asks
    KJ_ENOTFOUND = -4,     // no such document, command, plugin, file
    KJ_EEXISTS = -5,       // a unique key is taken
    KJ_ECONFLICT = -6,     // the version moved: read again and judge again
    KJ_EDENIED = -7,       // token or scope
    KJ_ELIMIT = -8,        // larger, deeper or more than allowed
    KJ_ETIMEDOUT = -9,     // the deadline passed
    KJ_ECANCELED = -10,    // somebody asked to stop
    KJ_EUNAVAILABLE = -11, // not now: store, plugin or vendor is away; retry later
    KJ_EVERSION = -12,     // made for another version
    KJ_EIO = -13,          // the operating system said no
    KJ_EINTERNAL = -14,    // a bug of ours
    KJ_ESTATE = -15,       // not possible in the present state (a campaign already ended)
    KJ_EFULL = -16,        // disk or queue is full; nothing was written
};

// One fault. `place` is a file:line, a JSON Pointer, a line number or a name; may be empty.
struct kj_fault {
    int code;
    char place[192];
    char text[512];
    char hint[256];
};

// Fills *fault (when not NULL) and returns code, so that `return kj_fault(...)` reads well.
// place and hint may be NULL.
int kj_fault(struct kj_fault *fault, int code, const char *place, const char *hint,
             const char *format, ...) KJ_PRINTF(5, 6);

// "conflict", "not_found", …: the machine-readable word at the doors.
const char *kj_error_name(int code);

// The reverse; KJ_EINTERNAL for an unknown word.
int kj_error_from_name(const char *name);

// "place: text; hint" into buffer, always terminated.
void kj_fault_print(const struct kj_fault *fault, char *buffer, size_t size);

#endif

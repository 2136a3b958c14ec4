// A cell: a locked process that holds the states of one version of one pack and judges calls with
// them. What a rule finds there: two descriptors (the host, the log), a dozen system calls, bounded
// memory and time. A hole in Lua, or in what we added to it, costs one evaluation, not the host.
//
// The host starts its own program again with KJ_CELL_WORD; the two talk in frames over two
// pipes, one request at a time. A cell that dies, or says nothing for long, is gone for good: who
// owns it opens another.
#ifndef KJ_CELL_H
#define KJ_CELL_H

#include "doc/doc.h"
#include "script/sources.h"
#include "script/vm.h"

#include <sys/uio.h>

#define KJ_CELL_WORD "--locked-rules"

struct kj_cell;
struct kj_judged;

// What loading told: as struct kj_pack has it. Owned by who asked.
struct kj_cell_pack {
    bson_t *describe, *files;
    char hash[65];
};

// Starts a process and loads rules/NAME.lua in it. A fault of the pack is told as in process.
// Several threads may each use a cell of their own.
int kj_cell_open(const struct kj_sources *sources, const struct kj_vm_limits *limits,
                 const char *path, struct kj_cell **cell, struct kj_cell_pack *loaded,
                 struct kj_fault *fault) KJ_MUST_USE;
void kj_cell_close(struct kj_cell *cell); // ends the process; NULL is fine
// Fills the first of them, as kj_pack_judge_many has it, and tells how many: one that takes long is
// the last. At most KJ_MOST_TOGETHER. KJ_ELIMIT: the process was killed for its use of time or
// memory; KJ_EINTERNAL: it died. Then none is filled.
int kj_cell_judge(struct kj_cell *cell, struct kj_judged *const *each, size_t *count,
                  struct kj_fault *fault) KJ_MUST_USE;
// The frames of such an answer, at most `count`, as documents that are sound whoever wrote them.
// How many; 0: it is none, and what was read of it is the caller's all the same.
size_t kj_cell_plans(const char *bytes, size_t length, struct kj_judged *const *each, size_t count);
// As kj_pack_run_tests.
int kj_cell_tests(struct kj_cell *cell, struct kj_doc_list *failed, int64_t *count,
                  struct kj_fault *fault) KJ_MUST_USE;
// It has died, or is so old that it should not be kept (its CPU time over its life is bounded).
bool kj_cell_dead(const struct kj_cell *cell);
bool kj_cell_old(const struct kj_cell *cell);

// --- the guard: ends a process that does not answer, which its CPU time does not ---

enum { KJ_CELL_SILENT_MS = 60000 };
struct kj_cell_guarded {
    pid_t pid;
    int64_t asked_ms; // mono, atomic; 0: nobody waits for it
    struct kj_cell_guarded *next, *previous;
};
void kj_cell_guard(struct kj_cell_guarded *guarded);
void kj_cell_unguard(struct kj_cell_guarded *guarded); // before its process is waited for

// --- inside ---

// The life of the process: `limits` as on its command line. The exit code.
int kj_cell_main(int argc, char **argv);
// No privileges, descriptors, files, sockets, processes, executable memory from here on. 0 or -1.
int kj_cell_lock(size_t memory) KJ_MUST_USE;
// Begins a request, which may take so much of the CPU and a little more; then the process exits
// with KJ_CELL_SPENT. 0: no request. `yields`: when it takes long the host is told, which lets
// others go before this process from then on.
void kj_cell_request(int64_t cpu_ms, bool yields);
bool kj_cell_slowed(void);           // one took long, and the host was told
int kj_cell_clock(void) KJ_MUST_USE; // its clock; before the lock
enum { KJ_CELL_SPENT = 3 };

// --- frames, on both sides: {kind or status, length} and the bytes ---

struct kj_cell_head {
    int32_t kind;
    uint32_t length;
};
enum { KJ_CELL_MOST = 64 * 1024 * 1024 };
enum kj_cell_kind {
    KJ_CELL_OPEN = 1,
    KJ_CELL_JUDGE, // documents of facts in a row; the answer holds a frame for each
    KJ_CELL_TESTS,
    KJ_CELL_ZONE,  // from the cell, amid a request: the file of a zone, by name
    KJ_CELL_SLOWED // from the cell, amid a request: it takes long
};

// 0, or -1 when the other side is gone.
int kj_cell_send(int fd, int32_t kind, const void *bytes, size_t length) KJ_MUST_USE;
// The same for bytes in several places; the first of `count` parts is the head's and is filled in.
// The parts are changed.
int kj_cell_send_parts(int fd, int32_t kind, struct iovec *parts, size_t count) KJ_MUST_USE;
// One frame into `buf` (its old content is dropped), head first: KJ_CELL_BODY is the rest. Waits as
// long as it takes. 0, or -1: gone, or not a frame.
int kj_cell_receive(int fd, struct kj_buf *buf, struct kj_cell_head *head) KJ_MUST_USE;
// The one behind that, after KJ_CELL_SLOWED: it may have come along.
int kj_cell_receive_next(int fd, struct kj_buf *buf, struct kj_cell_head *head) KJ_MUST_USE;
#define KJ_CELL_BODY(buf) ((buf)->data + sizeof(struct kj_cell_head))

#endif

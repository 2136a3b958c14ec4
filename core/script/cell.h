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

#define KJ_CELL_WORD "--locked-rules"

struct kj_cell;

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
// As kj_eval_run. KJ_ELIMIT: it was killed for its use of time or memory; KJ_EINTERNAL: it died.
int kj_cell_judge(struct kj_cell *cell, const bson_t *facts, bson_t **plan,
                  struct kj_fault *fault) KJ_MUST_USE;
// As kj_pack_run_tests.
int kj_cell_tests(struct kj_cell *cell, struct kj_doc_list *failed, int64_t *count,
                  struct kj_fault *fault) KJ_MUST_USE;
// It has died, or is so old that it should not be kept (its CPU time over its life is bounded).
bool kj_cell_dead(const struct kj_cell *cell);
bool kj_cell_old(const struct kj_cell *cell);

// --- inside ---

// The life of the process: `limits` as on its command line. The exit code.
int kj_cell_main(int argc, char **argv);
// No privileges, descriptors, files, sockets, processes, executable memory from here on. 0 or -1.
int kj_cell_lock(size_t memory) KJ_MUST_USE;
// Begins a request, which may take so much of the CPU and a little more; then the process exits
// with KJ_CELL_SPENT. 0: no request. `yields`: one that takes long goes on with a low priority,
// which the process has from then on.
void kj_cell_request(int64_t cpu_ms, bool yields);
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
    KJ_CELL_JUDGE,
    KJ_CELL_TESTS,
    KJ_CELL_ZONE // from the cell, amid a request: the file of a zone, by name
};

// 0, or -1 when the other side is gone.
int kj_cell_send(int fd, int32_t kind, const void *bytes, size_t length) KJ_MUST_USE;
// One frame into `buf` (its old content is dropped), head first: KJ_CELL_BODY is the rest. 0, or
// -1: gone, silent for silent_ms (0: waits as long
// as it takes), or not a frame.
int kj_cell_receive(int fd, struct kj_buf *buf, struct kj_cell_head *head,
                    int silent_ms) KJ_MUST_USE;
#define KJ_CELL_BODY(buf) ((buf)->data + sizeof(struct kj_cell_head))

#endif

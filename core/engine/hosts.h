// The hosts that share a store. Each has a document {key: name, state "live"|"ended", epoch,
// beat_at, …}; name and epoch make its lease ("kejue-1#7"), under which its jobs run. Starting
// raises the epoch, so that what an earlier life left behind is nobody's. Where the store is shared
// a host writes its document every ten seconds; one whose document stood still for a lease's time
// is taken over: its epoch is raised by another, its jobs are released. A host that hung finds that
// out with its next beat, and ends. Loop thread only.
#ifndef KJ_HOSTS_H
#define KJ_HOSTS_H

#include <stdbool.h>

enum { KJ_HOSTS_MOST = 1000 };
extern const char kj_hosts_workspace[]; // hosts are the house's

struct kj_engine;
struct kj_hosts;

// `joined` is called with KJ_OK once the lease is held and stands in the queue.
void kj_hosts_join(struct kj_engine *engine, void (*joined)(void *arg, int status), void *arg);
// Gives the lease back, and the jobs that still run; `left` comes in any case, within 3 s.
void kj_hosts_leave(struct kj_engine *engine, void (*left)(void *arg), void *arg);
void kj_hosts_destroy(struct kj_hosts *hosts); // NULL too
// May this host still act outside? False when its last beat is so old that others may be about to
// take over. Always true where the store is its own.
bool kj_hosts_holds(const struct kj_engine *engine);
// How many hosts share the work, as far as known; 1 or more.
int kj_hosts_alive(const struct kj_engine *engine);

#endif

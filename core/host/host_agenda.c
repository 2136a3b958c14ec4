// The agenda: what the host does next, worked off by one posted task.
//
// Nothing is delivered inside the call that caused it: a plugin that finishes inside `start` must
// not run its caller's code on its own stack, and the watchdog must not blame it for that.
#include "host/home.h"

void kj_host_later(struct kj_host *host, struct kj_item *item)
{
    item->next = NULL;
    if (host->last)
        host->last->next = item;
    else
        host->first = item;
    host->last = item;
    if (!host->pump_posted) {
        host->pump_posted = true;
        kj_loop_post(host->loop, &host->pump);
    }
}

// One turn: what is there now. What it adds waits for the next, so that others get their turn.
static void kj_agenda_turn(struct kj_host *host)
{
    struct kj_item *item = host->first;
    host->first = host->last = NULL;
    while (item) {
        struct kj_item *next = item->next;
        item->run(item);
        item = next;
    }
}

void kj_host_pump(struct kj_task *task)
{
    struct kj_host *host = (struct kj_host *)task;
    host->pump_posted = false;
    kj_agenda_turn(host);
}

void kj_host_work_off(struct kj_host *host)
{
    // A plugin may answer each answer with a new ask; closing refuses those, so a few turns do.
    for (int turn = 0; host->first && turn < 1000; turn++)
        kj_agenda_turn(host);
}

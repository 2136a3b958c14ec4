// One thread for all cells looks now and then whether one is silent: a time limit on each wait for
// an answer would be a system call for each, a twentieth of what isolation costs.
#include "script/cell.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { LOOK_S = 15 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct kj_cell_guarded *first;
static bool runs; // for good: it sleeps while there are none

static void look(void)
{
    int64_t now = kj_clock_real_mono();
    for (struct kj_cell_guarded *one = first; one; one = one->next) {
        int64_t asked = __atomic_load_n(&one->asked_ms, __ATOMIC_RELAXED);
        if (asked && now - asked > KJ_CELL_SILENT_MS) {
            (void)kill(one->pid, SIGKILL); // whoever waits reads the end of the pipe
        }
    }
}

static void *thread_main(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    for (;;) {
        struct timespec until;
        if (first == NULL) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += LOOK_S;
        pthread_cond_timedwait(&changed, &lock, &until);
        look();
    }
    return NULL;
}

static void start(void)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    runs = pthread_create(&thread, NULL, thread_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!runs) {
        kj_log(KJ_LOG_WARN, "script", "nobody looks whether a locked process of rules is silent",
               NULL);
        return;
    }
    pthread_setname_np(thread, "cell guard");
    pthread_detach(thread);
}

void kj_cell_guard(struct kj_cell_guarded *guarded)
{
    pthread_mutex_lock(&lock);
    guarded->previous = NULL;
    guarded->next = first;
    if (first) {
        first->previous = guarded;
    }
    first = guarded;
    if (!runs) {
        start();
    }
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

void kj_cell_unguard(struct kj_cell_guarded *guarded)
{
    pthread_mutex_lock(&lock);
    if (guarded->previous) {
        guarded->previous->next = guarded->next;
    } else {
        first = guarded->next;
    }
    if (guarded->next) {
        guarded->next->previous = guarded->previous;
    }
    pthread_mutex_unlock(&lock);
}

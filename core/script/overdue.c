// See overdue.h. A timer on the CPU clock of each thread that judges, made once, asks the same
// thread by a signal every 5 ms of its work: is this still the bracket of the last time? So a
// bracket costs no call into the kernel, and a thread that sleeps is not woken. Setting a hook is
// what Lua allows in a signal handler (lua.c stops scripts so); from another thread it is not.
#include "script/overdue.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TICK_NS = 5000000 };

struct watched {
    struct kj_vm *volatile vm; // NULL between brackets
    lua_Hook hook;
    volatile uint32_t bracket, seen;
    timer_t timer;
    enum { NEW, RUNNING, IMPOSSIBLE } state;
};

static _Thread_local struct watched watched;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_exit; // deletes the timer of a thread that ends
static bool ready;

static void on_tick(int number)
{
    (void)number;
    struct watched *self = &watched;
    if (self->vm && self->seen == self->bracket) {
        lua_sethook(self->vm->L, self->hook, LUA_MASKCOUNT, 1);
    }
    self->seen = self->bracket;
}

static void end_timer(void *arg)
{
    timer_delete(((struct watched *)arg)->timer);
}

// SIGURG does nothing by itself: one that comes late, or from elsewhere, harms nobody.
static void prepare(void)
{
    struct sigaction before, action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
#ifdef __SANITIZE_THREAD__
    return; // it holds signals back until the thread calls something that it knows
#endif
    sigemptyset(&action.sa_mask);
    ready = sigaction(SIGURG, NULL, &before) == 0 && before.sa_handler == SIG_DFL &&
            pthread_key_create(&at_exit, end_timer) == 0 && sigaction(SIGURG, &action, NULL) == 0;
}

static bool start(struct watched *self)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG};
    struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    sigset_t urgent;
    event._sigev_un._tid = gettid();
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_once(&once, prepare);
    if (!ready || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &self->timer) != 0) {
        return false;
    }
    if (pthread_setspecific(at_exit, self) != 0 || timer_settime(self->timer, 0, &every, NULL)) {
        timer_delete(self->timer);
        pthread_setspecific(at_exit, NULL);
        return false;
    }
    return pthread_sigmask(SIG_UNBLOCK, &urgent, NULL) == 0;
}

bool kj_overdue_watch(struct kj_vm *vm, lua_Hook hook)
{
    struct watched *self = &watched;
    if (self->state == NEW) {
        self->state = start(self) ? RUNNING : IMPOSSIBLE;
    }
    if (self->state == IMPOSSIBLE) {
        return false;
    }
    self->hook = hook;
    self->bracket++;
    atomic_signal_fence(memory_order_seq_cst);
    self->vm = vm;
    return true;
}

void kj_overdue_forget(void)
{
    watched.vm = NULL;
    atomic_signal_fence(memory_order_seq_cst);
}

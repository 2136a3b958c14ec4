// Preloaded: makes every flush of a program take FLUSH_US microseconds longer, as on an ordinary
// SSD or network volume. The same file slows Kejue and its peers, so that table B compares like
// with like.
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_a_little(void)
{
    const char *text = getenv("FLUSH_US");
    long us = text ? atol(text) : 0;
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    if (us > 0)
        nanosleep(&time, NULL);
}

static int flush(const char *name, int fd)
{
    int (*next)(int fd);
    *(void **)&next = dlsym(RTLD_NEXT, name);
    wait_a_little();
    return next(fd);
}

int fsync(int fd)
{
    return flush("fsync", fd);
}

int fdatasync(int fd)
{
    return flush("fdatasync", fd);
}

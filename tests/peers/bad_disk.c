// Preloaded (LD_PRELOAD) into a daemon under test: a disk that fails under the embedded store, from
// one moment to the next, without root. Only files named kejue.db… are hit. The first byte of the
// file that KEJUE_BAD_DISK names says what happens now:
//     -  nothing      f  full: no write finds room      i  every write and flush fails
//     r  read-only: every write is refused              h  writes, flushes and reads hang
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const volatile char *s_fault;

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("KEJUE_BAD_DISK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
        s_fault = page == MAP_FAILED ? NULL : page;
        close(fd);
    }
}

static int is_store(int fd)
{
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    const char *name = strrchr(path, '/');
    return name && strncmp(name, "/kejue.db", 9) == 0 && strcmp(name, "/kejue.db.lock") != 0;
}

// True: fails with errno. Returns behind the end of a hang.
static int fails(int fd, int writes)
{
    static const char k_faults[] = "fir";
    static const int k_errors[] = {ENOSPC, EIO, EROFS};
    char fault = s_fault ? *s_fault : '-';
    if (fault == '-' || !is_store(fd))
        return 0;
    while (*s_fault == 'h')
        usleep(2000);
    const char *at = strchr(k_faults, *s_fault);
    if (!writes || at == NULL || *at == 0)
        return 0;
    errno = k_errors[at - k_faults];
    return 1;
}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return fails(fd, 1) ? -1 : NEXT(pwrite64)(fd, data, size, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    return fails(fd, 0) ? -1 : NEXT(pread64)(fd, data, size, offset);
}

int fdatasync(int fd)
{
    return fails(fd, s_fault && *s_fault == 'i') ? -1 : NEXT(fdatasync)(fd);
}

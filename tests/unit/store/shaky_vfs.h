// A disk that fails on order and remembers only what was flushed: an SQLite VFS over the usual one.
//
// Faults: the n-th write, truncation or flush fails with a code, once or from then on. Power cuts:
// at each flush a file's content is kept aside; a cut copies what was kept to another folder.
#ifndef KJ_TEST_SHAKY_VFS_H
#define KJ_TEST_SHAKY_VFS_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shaky_file {
    sqlite3_file base;
    char path[512];
    sqlite3_file *real;     // behind this struct
    sqlite3_int64 from, to; // written since the last flush
};

static struct {
    sqlite3_vfs vfs, *real;
    atomic_long calls;   // writes, truncations, flushes so far
    atomic_long fail_at; // the call that fails; 0 = none
    atomic_bool sticky;  // and all behind it
    atomic_int code;
    atomic_bool keep_flushed;
} shaky;

static bool shaky_fails(void)
{
    long call = atomic_fetch_add(&shaky.calls, 1) + 1, at = atomic_load(&shaky.fail_at);
    return at && (call == at || (call > at && atomic_load(&shaky.sticky)));
}

static void shaky_copy(const char *from, const char *to)
{
    char buffer[65536];
    size_t length;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    while (in && out && (length = fread(buffer, 1, sizeof buffer, in)) > 0)
        fwrite(buffer, 1, length, out);
    if (in)
        fclose(in);
    if (out)
        fclose(out);
}

// Brings what was written to `file` since the last flush into its kept copy.
static void shaky_keep(struct shaky_file *file)
{
    char kept[600], buffer[65536];
    snprintf(kept, sizeof kept, "%s.flushed", file->path);
    FILE *out = fopen(kept, "r+b");
    if (out == NULL)
        out = fopen(kept, "w+b");
    sqlite3_int64 size = 0;
    file->real->pMethods->xFileSize(file->real, &size);
    for (sqlite3_int64 at = file->from; out && at < file->to; at += (int)sizeof buffer) {
        sqlite3_int64 left = file->to - at;
        int length = left < (int)sizeof buffer ? (int)left : (int)sizeof buffer;
        file->real->pMethods->xRead(file->real, buffer, length, at);
        fseek(out, (long)at, SEEK_SET);
        fwrite(buffer, 1, (size_t)length, out);
    }
    if (out) {
        fflush(out);
        if (ftruncate(fileno(out), size) < 0)
            abort();
        fclose(out);
    }
    file->from = file->to = 0;
}

#define REAL(file) (((struct shaky_file *)(file))->real)

static int shaky_close(sqlite3_file *file)
{
    return REAL(file)->pMethods ? REAL(file)->pMethods->xClose(REAL(file)) : SQLITE_OK;
}

static int shaky_read(sqlite3_file *file, void *to, int length, sqlite3_int64 at)
{
    return REAL(file)->pMethods->xRead(REAL(file), to, length, at);
}

static int shaky_write(sqlite3_file *file, const void *from, int length, sqlite3_int64 at)
{
    struct shaky_file *own = (struct shaky_file *)file;
    if (own->to == 0 || at < own->from)
        own->from = at;
    if (at + length > own->to)
        own->to = at + length;
    if (shaky_fails()) {
        // Half of it gets there.
        REAL(file)->pMethods->xWrite(REAL(file), from, length / 2, at);
        return atomic_load(&shaky.code);
    }
    return REAL(file)->pMethods->xWrite(REAL(file), from, length, at);
}

static int shaky_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return shaky_fails() ? SQLITE_IOERR_TRUNCATE
                         : REAL(file)->pMethods->xTruncate(REAL(file), size);
}

static int shaky_sync(sqlite3_file *file, int flags)
{
    if (shaky_fails())
        return SQLITE_IOERR_FSYNC;
    if (atomic_load(&shaky.keep_flushed))
        shaky_keep((struct shaky_file *)file);
    return REAL(file)->pMethods->xSync(REAL(file), flags);
}

static int shaky_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return REAL(file)->pMethods->xFileSize(REAL(file), size);
}

static int shaky_lock(sqlite3_file *file, int lock)
{
    return REAL(file)->pMethods->xLock(REAL(file), lock);
}

static int shaky_unlock(sqlite3_file *file, int lock)
{
    return REAL(file)->pMethods->xUnlock(REAL(file), lock);
}

static int shaky_reserved(sqlite3_file *file, int *out)
{
    return REAL(file)->pMethods->xCheckReservedLock(REAL(file), out);
}

static int shaky_control(sqlite3_file *file, int op, void *arg)
{
    return REAL(file)->pMethods->xFileControl(REAL(file), op, arg);
}

static int shaky_sector(sqlite3_file *file)
{
    return REAL(file)->pMethods->xSectorSize(REAL(file));
}

static int shaky_traits(sqlite3_file *file)
{
    (void)file;
    return 0; // promise nothing about partial writes
}

static int shaky_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, out);
}

static int shaky_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return REAL(file)->pMethods->xShmLock(REAL(file), offset, n, flags);
}

static void shaky_shm_barrier(sqlite3_file *file)
{
    REAL(file)->pMethods->xShmBarrier(REAL(file));
}

static int shaky_shm_unmap(sqlite3_file *file, int remove)
{
    return REAL(file)->pMethods->xShmUnmap(REAL(file), remove);
}

static const sqlite3_io_methods k_shaky_methods = {
    .iVersion = 2,
    .xClose = shaky_close,
    .xRead = shaky_read,
    .xWrite = shaky_write,
    .xTruncate = shaky_truncate,
    .xSync = shaky_sync,
    .xFileSize = shaky_size,
    .xLock = shaky_lock,
    .xUnlock = shaky_unlock,
    .xCheckReservedLock = shaky_reserved,
    .xFileControl = shaky_control,
    .xSectorSize = shaky_sector,
    .xDeviceCharacteristics = shaky_traits,
    .xShmMap = shaky_shm_map,
    .xShmLock = shaky_shm_lock,
    .xShmBarrier = shaky_shm_barrier,
    .xShmUnmap = shaky_shm_unmap,
};

static int shaky_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    struct shaky_file *own = (struct shaky_file *)file;
    (void)vfs;
    own->base.pMethods = NULL;
    own->from = own->to = 0;
    own->real = (sqlite3_file *)(own + 1);
    snprintf(own->path, sizeof own->path, "%s", name ? name : "");
    int rc = shaky.real->xOpen(shaky.real, name, own->real, flags, out);
    if (rc == SQLITE_OK)
        own->base.pMethods = &k_shaky_methods;
    return rc;
}

// Becomes the default VFS.
static inline void shaky_install(void)
{
    shaky.real = sqlite3_vfs_find(NULL);
    shaky.vfs = *shaky.real;
    shaky.vfs.zName = "shaky";
    shaky.vfs.szOsFile = (int)sizeof(struct shaky_file) + shaky.real->szOsFile;
    shaky.vfs.xOpen = shaky_open;
    sqlite3_vfs_register(&shaky.vfs, 1);
}

static inline void shaky_fail(long in_calls, int code, bool sticky)
{
    atomic_store(&shaky.code, code);
    atomic_store(&shaky.sticky, sticky);
    atomic_store(&shaky.calls, 0);
    atomic_store(&shaky.fail_at, in_calls);
}

// What a power cut now would leave of the database at `path`, as a database at `to`.
static inline void shaky_cut(const char *path, const char *to)
{
    static const char *const k_ends[] = {"", "-wal"};
    char from[600], name[600];
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s%s.flushed", path, k_ends[i]);
        snprintf(name, sizeof name, "%s%s", to, k_ends[i]);
        shaky_copy(from, name);
    }
    snprintf(name, sizeof name, "%s-shm", to);
    remove(name);
}

#endif

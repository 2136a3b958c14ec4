// Opening a database file: the lock that keeps a second Kejue out, the connection, and a sentence
// for everything that may be wrong with the file.
#include "store/sqlite.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHECK_BYTES_MAX = 64 << 20, BUSY_MS = 5000 };

static int locked(const char *path, int lock, struct kj_fault *fault)
{
    char pid[32] = "";
    ssize_t length = pread(lock, pid, sizeof pid - 1, 0);
    pid[length > 0 ? length : 0] = 0;
    pid[strspn(pid, "0123456789")] = 0;
    return kj_fault(fault, KJ_EUNAVAILABLE, path,
                    "stop that process, or give this one its own file",
                    "The database %s is in use by process %s.", path, *pid ? pid : "(unknown)");
}

int kj_sqlite_lock(const char *path, int *lock, struct kj_fault *fault)
{
    char name[4096], pid[32];
    *lock = -1;
    if (snprintf(name, sizeof name, "%s.lock", path) >= (int)sizeof name)
        return kj_fault(fault, KJ_EINVAL, "store", NULL, "The database's path is too long.");
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return kj_fault(fault, KJ_EIO, name, "create the folder and give this user write access",
                        "The lock file %s cannot be opened: %s.", name, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int rc = errno == EWOULDBLOCK
                     ? locked(path, fd, fault)
                     : kj_fault(fault, KJ_EIO, name, NULL, "The lock file %s cannot be locked: %s.",
                                name, strerror(errno));
        close(fd);
        return rc;
    }
    // The number is for people; the lock is what counts, so a full disk does not matter here.
    int length = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)length, 0) < 0)
        (void)ftruncate(fd, 0);
    *lock = fd;
    return 0;
}

static int open_fault(struct kj_sqlite_db *db, const char *path, int rc, struct kj_fault *fault)
{
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return kj_fault(fault, KJ_EINVAL, path, "correct the path or move the file away",
                        "The file %s is not an SQLite database.", path);
    case SQLITE_CORRUPT:
        return kj_fault(fault, KJ_EIO, path, "restore it from a backup",
                        "The database %s is damaged: %s.", path, sqlite3_errmsg(db->sql));
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return kj_fault(fault, KJ_EDENIED, path, "give this user write access to file and folder",
                        "The database %s is read-only.", path);
    default:
        return kj_fault(fault, rc == SQLITE_FULL ? KJ_EFULL : KJ_EIO, path,
                        "check that it is a file this user may write, and the space left",
                        "The database %s cannot be opened: %s.", path,
                        db->sql ? sqlite3_errmsg(db->sql) : sqlite3_errstr(rc));
    }
}

static int number(struct kj_sqlite_db *db, const char *text, int64_t *value)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db->sql, text, -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int quick_check(struct kj_sqlite_db *db, const char *path, struct kj_fault *fault)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (rc != SQLITE_OK)
        return open_fault(db, path, rc, fault);
    rc = sqlite3_step(stmt);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : "";
    int result = 0;
    if (rc != SQLITE_ROW)
        result = open_fault(db, path, rc, fault);
    else if (!kj_streq(text, "ok"))
        result = kj_fault(fault, KJ_EIO, path, "restore it from a backup",
                          "The database %s is damaged: %s.", path, text ? text : "");
    sqlite3_finalize(stmt);
    return result;
}

// Is it ours, is it whole, may we write it?
static int inspect(struct kj_sqlite_db *db, const char *path, struct kj_fault *fault)
{
    int64_t tables = 0, application = 0;
    struct stat info;
    if (sqlite3_db_readonly(db->sql, "main") == 1)
        return open_fault(db, path, SQLITE_READONLY, fault);
    int rc = number(db, "SELECT count(*) FROM sqlite_master", &tables);
    if (rc == SQLITE_OK)
        rc = number(db, "PRAGMA application_id", &application);
    if (rc != SQLITE_OK)
        return open_fault(db, path, rc, fault);
    if (tables > 0 && application != KJ_SQLITE_APPLICATION)
        return kj_fault(fault, KJ_EINVAL, path, "correct the path or move the file away",
                        "The database %s belongs to another program.", path);
    // Reading all of a large file would delay the start; SQLite still notices damage when it
    // meets it.
    if (tables > 0 && stat(path, &info) == 0 && info.st_size <= CHECK_BYTES_MAX)
        return quick_check(db, path, fault);
    return 0;
}

static int set_up(struct kj_sqlite_db *db, const char *path, bool volatile_data,
                  struct kj_fault *fault)
{
    // Pages of 8 KiB (of a new file): a group writes fewer of them, two calls each, than of 4 KiB,
    // and jobs that grow split them less often; together a fifth of the time of a drain. 16 MiB of
    // cache; the log is folded into the file about every 32 MiB, so that bulk loads do not flush
    // the file more often than need be.
    static const char k_common[] = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;"
                                   "PRAGMA cache_size = -16384;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 4000;";
    const char *more = !db->writer     ? "PRAGMA query_only = ON"
                       : volatile_data ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"
                                       : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
    int rc = sqlite3_exec(db->sql, k_common, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->sql, more, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : open_fault(db, path, rc, fault);
}

// Counting its memory costs SQLite a mutex, shared by all connections, with every allocation; and
// enough small blocks of the connection's own spare it most of them.
static void spare_memory_locks(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 512, 512);
}

int kj_sqlite_open(const char *path, bool writer, bool volatile_data, struct kj_sqlite_db *db,
                   struct kj_fault *fault)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, spare_memory_locks); // before SQLite is used at all
    memset(db, 0, sizeof *db);
    kj_map_init(&db->others);
    db->writer = writer;
    // Each connection belongs to one thread at a time: SQLite's own mutexes would be for nothing.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &db->sql, writer ? flags | SQLITE_OPEN_CREATE : flags, NULL);
    if (rc != SQLITE_OK)
        return open_fault(db, path, rc, fault);
    sqlite3_busy_timeout(db->sql, BUSY_MS);
    rc = writer ? inspect(db, path, fault) : 0;
    return rc < 0 ? rc : set_up(db, path, volatile_data, fault);
}

void kj_sqlite_close(struct kj_sqlite_db *db)
{
    kj_sqlite_forget(db);
    kj_map_fini(&db->others);
    sqlite3_close(db->sql);
    db->sql = NULL;
    free(db->host);
    db->host = NULL;
}

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
#include <sys/statvfs.h>
#include <unistd.h>

enum { CHECK_BYTES_MAX = 64 << 20, BUSY_MS = 5000 };
// The log is folded into the file about every 4000 pages of 8 KiB.
enum { LOG_PAGES = 4000, LOG_BYTES = LOG_PAGES * (8192 + 24) };

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

// sqlite3_system_errno misses what goes wrong in a COMMIT; the files of the connection remember it.
int kj_sqlite_errno(sqlite3 *sql, int rc)
{
    sqlite3_file *files[2] = {NULL, NULL};
    if (sql == NULL || (rc & 0xff) != SQLITE_IOERR)
        return 0;
    int number = sqlite3_system_errno(sql);
    sqlite3_file_control(sql, "main", SQLITE_FCNTL_JOURNAL_POINTER, &files[0]);
    sqlite3_file_control(sql, "main", SQLITE_FCNTL_FILE_POINTER, &files[1]);
    for (int i = 0; i < 2 && number == 0; i++)
        if (files[i] && files[i]->pMethods)
            files[i]->pMethods->xFileControl(files[i], SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

bool kj_sqlite_no_space(int rc, int number)
{
    // A quota or a file size limit comes as an I/O error.
    return (rc & 0xff) == SQLITE_FULL || number == ENOSPC || number == EFBIG || number == EDQUOT;
}

static int damaged(const char *path, const char *text, struct kj_fault *fault)
{
    const char *line = strrchr(text, '\n'); // above it stands only which database it is
    return kj_fault(fault, KJ_EIO, path, "restore it from a backup",
                    "The database %s is damaged: %s.", path, line ? line + 1 : text);
}

static int open_fault(struct kj_sqlite_db *db, const char *path, int rc, struct kj_fault *fault)
{
    if (kj_sqlite_no_space(rc, kj_sqlite_errno(db->sql, rc)))
        return kj_fault(fault, KJ_EFULL, path, "free some space, then start again",
                        "The database %s cannot be opened: no space is left.", path);
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return kj_fault(fault, KJ_EINVAL, path, "correct the path or move the file away",
                        "The file %s is not an SQLite database.", path);
    case SQLITE_CORRUPT:
        return damaged(path, sqlite3_errmsg(db->sql), fault);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return kj_fault(fault, KJ_EDENIED, path, "give this user write access to file and folder",
                        "The database %s is read-only.", path);
    default:
        return kj_fault(fault, KJ_EIO, path, "check that it is a file this user may write",
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
        result = damaged(path, text ? text : "", fault);
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
    // cache; the log is folded into the file about every LOG_PAGES, so that bulk loads do not flush
    // the file more often than need be.
    static const char k_common[] = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;"
                                   "PRAGMA cache_size = -16384;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF;";
    const char *more = !db->writer     ? "PRAGMA query_only = ON"
                       : volatile_data ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"
                                       : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
    int rc = sqlite3_exec(db->sql, k_common, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->sql, more, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_autocheckpoint(db->sql, LOG_PAGES);
    return rc == SQLITE_OK ? 0 : open_fault(db, path, rc, fault);
}

// A flush into blocks that were written before takes about half as long as one that must also store
// the file's size or that its blocks are in use now. So the log is written out at each start (32
// MiB); where room is short it grows. Keeping it over a stop would spare that, but a log that is
// left beside a file that somebody has put in the place of ours would be played into it.
void kj_sqlite_reserve_log(const char *path)
{
    static const char k_zeros[1 << 16];
    char name[4096];
    struct stat info;
    struct statvfs disk;
    if (statvfs(path, &disk) < 0 || disk.f_bavail * disk.f_frsize < 8 * (uint64_t)LOG_BYTES)
        return;
    if (snprintf(name, sizeof name, "%s-wal", path) >= (int)sizeof name)
        return;
    int fd = open(name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t end = fstat(fd, &info) == 0 ? info.st_size : LOG_BYTES; // what is there is SQLite's
    while (end < LOG_BYTES) {
        ssize_t wrote = pwrite(fd, k_zeros, sizeof k_zeros, end);
        if (wrote <= 0)
            break;
        end += wrote;
    }
    (void)fdatasync(fd);
    close(fd);
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
    if (rc == 0)
        rc = set_up(db, path, volatile_data, fault);
    return rc;
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

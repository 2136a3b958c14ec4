// host.file.read and host.file.list: files below the one folder that the instance's configuration
// names under `folder`. Opened step by step without following links, on a thread.
#include "base/alloc.h"
#include "host/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KJ_FOLDER_MAX_FILE = 8 * 1024 * 1024, KJ_FOLDER_MAX_NAMES = 10000 };

struct kj_folder_job {
    struct kj_work work; // first
    struct kj_ask *ask;
    char *folder, *path;
    bool list;
    int error; // errno
    struct kj_buf bytes;
    int64_t modified_ms;
    char **names;
    size_t count;
};

// --- on the thread ---

// The file or folder at a relative path below `folder`, or -1.
static int kj_folder_open(const char *folder, const char *path, bool directory)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && *path) {
        char part[256];
        size_t length = strcspn(path, "/");
        bool last = path[length] == 0;
        if (length == 0 || length >= sizeof part ||
            (length <= 2 && path[0] == '.' && (length == 1 || path[1] == '.'))) {
            close(fd);
            errno = EACCES;
            return -1;
        }
        memcpy(part, path, length);
        part[length] = 0;
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
        int next = openat(fd, part, flags | (!last || directory ? O_DIRECTORY : 0));
        int error = errno;
        close(fd);
        errno = error;
        fd = next;
        path += last ? length : length + 1;
    }
    return fd;
}

static void kj_folder_read(struct kj_folder_job *job, int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        job->error = EACCES;
        return;
    }
    job->modified_ms = about.st_mtim.tv_sec * 1000LL + about.st_mtim.tv_nsec / 1000000;
    char block[65536];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) > 0 && !job->bytes.failed)
        kj_buf_add(&job->bytes, block, (size_t)got);
    if (got < 0)
        job->error = errno;
    if (job->bytes.failed)
        job->error = EFBIG;
}

static int kj_folder_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void kj_folder_names(struct kj_folder_job *job, int fd)
{
    DIR *dir = fdopendir(fd);
    size_t capacity = 0;
    if (!dir) {
        job->error = errno;
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) && !job->error;) {
        if (entry->d_name[0] == '.' || !kj_utf8_valid(entry->d_name, strlen(entry->d_name)))
            continue;
        if (job->count == KJ_FOLDER_MAX_NAMES)
            job->error = EFBIG;
        if (job->count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            job->names = kj_realloc(job->names, capacity * sizeof(char *));
        }
        if (!job->error)
            job->names[job->count++] = kj_strdup(entry->d_name);
    }
    closedir(dir);
    if (job->count)
        qsort(job->names, job->count, sizeof *job->names, kj_folder_order);
}

static void kj_folder_work(struct kj_work *work)
{
    struct kj_folder_job *job = (struct kj_folder_job *)work;
    int fd = kj_folder_open(job->folder, job->path, job->list);
    if (fd < 0) {
        job->error = errno;
        return;
    }
    if (job->list) {
        kj_folder_names(job, fd); // closes it
        return;
    }
    kj_folder_read(job, fd);
    close(fd);
}

// --- on the loop ---

static void kj_folder_answer(struct kj_folder_job *job)
{
    bson_t *doc = bson_new(), names;
    struct kj_doc_list list = {.array = &names};
    if (job->list) {
        bson_append_array_begin(doc, "names", -1, &names);
        for (size_t i = 0; i < job->count; i++)
            kj_doc_put_text(&names, kj_doc_next(&list), job->names[i]);
        bson_append_array_end(doc, &names);
    } else {
        const char *bytes = job->bytes.data ? job->bytes.data : "";
        size_t length = job->bytes.length;
        if (kj_utf8_valid(bytes, length) && !memchr(bytes, 0, length))
            bson_append_utf8(doc, "body", -1, bytes, (int)length);
        else
            bson_append_binary(doc, "body", -1, BSON_SUBTYPE_BINARY, (const uint8_t *)bytes,
                               (uint32_t)length);
        kj_doc_put_int(doc, "size", (int64_t)length);
        kj_doc_put_time(doc, "modified", job->modified_ms);
    }
    job->ask->verdict.doc = doc;
    kj_ask_end(job->ask);
}

static void kj_folder_done(struct kj_work *work)
{
    struct kj_folder_job *job = (struct kj_folder_job *)work;
    bool wanted = kj_ask_returned(job->ask);
    if (wanted && job->work.canceled)
        kj_ask_fail(job->ask, KEJUE_CANCELED, "closing", "the host is closing");
    else if (wanted && job->error)
        kj_ask_fail(job->ask, KEJUE_CALLER,
                    job->error == ENOENT  ? "not_found"
                    : job->error == EFBIG ? "limit"
                                          : "denied",
                    "%s: %s: %s", job->ask->verb, job->path, strerror(job->error));
    else if (wanted)
        kj_folder_answer(job);
    for (size_t i = 0; i < job->count; i++)
        free(job->names[i]);
    free(job->names);
    kj_buf_fini(&job->bytes);
    free(job->folder);
    free(job->path);
    free(job);
}

void kj_host_folder(struct kj_ask *ask, const bson_t *request, bool list)
{
    const char *folder = kj_doc_text(ask->ctx->config, "folder", NULL);
    const char *path = kj_doc_text(request, "path", list ? "" : NULL);
    struct kj_pool *pool;
    if (!folder || folder[0] != '/' || !path) {
        kj_ask_fail(ask, KEJUE_CALLER, "denied",
                    "%s needs a relative path, and a whole path under `folder` in the "
                    "configuration of %s",
                    ask->verb, ask->ctx->name);
        return;
    }
    struct kj_folder_job *job = KJ_NEW(struct kj_folder_job);
    job->work.work = kj_folder_work;
    job->work.done = kj_folder_done;
    job->ask = ask;
    job->folder = kj_strdup(folder);
    job->path = kj_strdup(path);
    job->list = list;
    kj_buf_init(&job->bytes, KJ_FOLDER_MAX_FILE);
    ask->pending = true;
    if (kj_host_pool(ask->ctx->host, &pool) == 0 && kj_pool_submit(pool, &job->work) == 0)
        return;
    ask->pending = false;
    kj_ask_fail(ask, KEJUE_NOT_PROCESSED, "full", "%s: too much work is waiting", ask->verb);
    kj_buf_fini(&job->bytes);
    free(job->folder);
    free(job->path);
    free(job);
}

// The ring log: the carrier's own memory, outside the store. Kill tests and look-ups read it.
//
// One JSON line a ring, with the request, appended by one write before `place` is answered. In
// memory only an index (id, offset); the request is read back when it is needed. Hang-ups by the
// operator go to a file beside it ("….hangups"), so that the log stays one line a ring.
#include "sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_LINE = 4 << 20 };

static uint64_t hash(const char *text)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001B3u;
    return h;
}

static struct kj_sim_ring *indexed(const struct kj_sim_ring_log *log, const char *attempt_id)
{
    if (!log->bucket_count)
        return NULL;
    struct kj_sim_ring *ring = log->buckets[hash(attempt_id) & (log->bucket_count - 1)];
    while (ring && strcmp(ring->attempt_id, attempt_id) != 0)
        ring = ring->next_in_bucket;
    return ring;
}

static void grow(struct kj_sim_ring_log *log)
{
    size_t count = log->bucket_count ? 2 * log->bucket_count : 256;
    free(log->buckets);
    log->buckets = kj_sim_alloc(count * sizeof *log->buckets);
    log->bucket_count = count;
    for (struct kj_sim_ring *ring = log->first; ring; ring = ring->next) {
        struct kj_sim_ring **bucket = &log->buckets[hash(ring->attempt_id) & (count - 1)];
        ring->next_in_bucket = *bucket;
        *bucket = ring;
    }
}

struct kj_sim_ring *kj_sim_ring_entry(struct kj_sim_ring_log *log, const char *attempt_id)
{
    struct kj_sim_ring *ring = indexed(log, attempt_id);
    if (ring)
        return ring;
    if (log->count >= log->bucket_count)
        grow(log);
    ring = kj_sim_alloc(sizeof *ring);
    ring->attempt_id = kj_sim_strdup(attempt_id);
    ring->cut_ms = -1;
    struct kj_sim_ring **bucket = &log->buckets[hash(attempt_id) & (log->bucket_count - 1)];
    ring->next_in_bucket = *bucket;
    *bucket = ring;
    *log->end = ring;
    log->end = &ring->next;
    log->count++;
    return ring;
}

static struct kejue_builder *parse(const struct kj_sim_ring_log *log, const char *line,
                                   size_t length, struct kejue_doc *doc)
{
    const struct kejue_host *host = log->rules->host;
    struct kejue_builder *b = host->build(log->rules->ctx);
    if (host->put_json(b, "line", line, length) != 0) {
        host->drop(b);
        return NULL;
    }
    *doc = host->child(host->built(b), "line");
    return b;
}

// Calls read_line for each complete line from *at on, and moves *at behind it; *rest is what was
// left of a line without its end.
static int each_line(struct kj_sim_ring_log *log, int fd, int64_t *at, size_t *rest,
                     void (*read_line)(struct kj_sim_ring_log *log, const char *line, size_t length,
                                       int64_t offset))
{
    int copy = dup(fd);
    FILE *file = copy >= 0 ? fdopen(copy, "r") : NULL;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    *rest = 0;
    if (!file || fseeko(file, *at, SEEK_SET) != 0) {
        if (file)
            fclose(file);
        else if (copy >= 0)
            close(copy);
        return -1;
    }
    while ((length = getline(&line, &capacity, file)) > 0) {
        if (line[length - 1] != '\n') {
            *rest = (size_t)length;
            break;
        }
        read_line(log, line, (size_t)length - 1, *at);
        *at += length;
    }
    free(line);
    fclose(file);
    return 0;
}

// At open. A last line without its end is a write cut off by a crash of the machine: its ring is
// not known to have happened, and it is ended here, lest the next line be lost with it.
static int read_all(struct kj_sim_ring_log *log, int fd, int64_t *at,
                    void (*read_line)(struct kj_sim_ring_log *log, const char *line, size_t length,
                                      int64_t offset))
{
    size_t rest;
    *at = 0;
    if (each_line(log, fd, at, &rest, read_line) != 0)
        return -1;
    if (!rest)
        return 0;
    *at += (int64_t)rest + 1;
    return write(fd, "\n", 1) == 1 ? 0 : -1;
}

static void read_ring(struct kj_sim_ring_log *log, const char *line, size_t length, int64_t offset)
{
    const struct kejue_host *host = log->rules->host;
    struct kejue_doc doc;
    struct kejue_builder *b = parse(log, line, length, &doc);
    if (!b)
        return;
    const char *id = host->text(doc, "attempt_id", "");
    if (*id) {
        struct kj_sim_ring *ring = kj_sim_ring_entry(log, id);
        kj_sim_copy(ring->provider_id, sizeof ring->provider_id,
                    host->text(doc, "provider_id", ""));
        bool ours = ring->rings && ring->offset == offset;
        ring->at_ms = host->integer(doc, "at_ms", 0);
        ring->offset = offset;
        ring->length = length;
        if (!ours) {
            ring->cut_ms = -1;
            ring->rings++;
        }
    }
    host->drop(b);
}

struct kj_sim_ring *kj_sim_ring_find(struct kj_sim_ring_log *log, const char *attempt_id)
{
    struct kj_sim_ring *ring = indexed(log, attempt_id);
    size_t rest;
    if ((!ring || !ring->rings) && log->fd >= 0 &&
        each_line(log, log->fd, &log->read_to, &rest, read_ring) == 0)
        ring = indexed(log, attempt_id);
    return ring && ring->rings ? ring : NULL;
}

static void read_hangup(struct kj_sim_ring_log *log, const char *line, size_t length,
                        int64_t offset)
{
    (void)offset;
    const struct kejue_host *host = log->rules->host;
    struct kejue_doc doc;
    struct kejue_builder *b = parse(log, line, length, &doc);
    if (!b)
        return;
    struct kj_sim_ring *ring = indexed(log, host->text(doc, "attempt_id", ""));
    if (ring && strcmp(ring->provider_id, host->text(doc, "provider_id", "")) == 0)
        ring->cut_ms = host->integer(doc, "cut_ms", -1);
    host->drop(b);
}

static void read_truth(struct kj_sim_ring_log *log, const char *line, size_t length, int64_t offset)
{
    (void)offset;
    const struct kejue_host *host = log->rules->host;
    struct kejue_doc doc;
    struct kejue_builder *b = parse(log, line, length, &doc);
    if (!b)
        return;
    struct kj_sim_ring *ring = indexed(log, host->text(doc, "attempt_id", ""));
    if (ring)
        ring->truths++;
    host->drop(b);
}

static int open_file(const char *path, char *error, size_t error_size)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        snprintf(error, error_size, "cannot open %s: %s; create its folder or correct the path",
                 path, strerror(errno));
    return fd;
}

int kj_sim_ring_log_open(struct kj_sim_ring_log *log, const struct kj_sim_rules *rules,
                         const char *ring_path, const char *truth_path, char *error,
                         size_t error_size)
{
    *log = (struct kj_sim_ring_log){.rules = rules, .fd = -1, .hangup_fd = -1, .truth_fd = -1};
    log->end = &log->first;
    int64_t at;
    if (ring_path) {
        struct kj_sim_text beside = {0};
        kj_sim_add(&beside, ring_path);
        kj_sim_add(&beside, ".hangups");
        log->fd = open_file(ring_path, error, error_size);
        if (log->fd >= 0)
            log->hangup_fd = open_file(beside.data, error, error_size);
        free(beside.data);
        if (log->hangup_fd < 0)
            goto fail;
        if (read_all(log, log->fd, &log->read_to, read_ring) != 0 ||
            read_all(log, log->hangup_fd, &at, read_hangup) != 0) {
            snprintf(error, error_size, "cannot read %s: %s", ring_path, strerror(errno));
            goto fail;
        }
    }
    if (truth_path) {
        log->truth_fd = open_file(truth_path, error, error_size);
        if (log->truth_fd < 0)
            goto fail;
        if (read_all(log, log->truth_fd, &at, read_truth) != 0) {
            snprintf(error, error_size, "cannot read %s: %s", truth_path, strerror(errno));
            goto fail;
        }
    }
    return 0;
fail:
    kj_sim_ring_log_close(log);
    return -1;
}

void kj_sim_ring_log_close(struct kj_sim_ring_log *log)
{
    int files[] = {log->fd, log->hangup_fd, log->truth_fd};
    for (size_t i = 0; i < 3; i++)
        if (files[i] >= 0)
            close(files[i]);
    while (log->first) {
        struct kj_sim_ring *ring = log->first;
        log->first = ring->next;
        free(ring->attempt_id);
        free(ring->kept);
        free(ring);
    }
    free(log->buckets);
    *log = (struct kj_sim_ring_log){.fd = -1, .hangup_fd = -1, .truth_fd = -1};
}

// The document as one JSON line with its end; the caller frees.
static char *line_of(const struct kejue_host *host, struct kejue_builder *b, size_t *length)
{
    struct kejue_doc doc = host->built(b);
    size_t size = host->to_json(doc, NULL, 0);
    char *line = kj_sim_alloc(size + 2);
    host->to_json(doc, line, size + 1);
    line[size] = '\n';
    *length = size + 1;
    return line;
}

// One write, so that a line is there or not; a short one is taken back.
static int append(int fd, const char *line, size_t length)
{
    ssize_t written;
    do {
        written = write(fd, line, length);
    } while (written < 0 && errno == EINTR);
    if (written == (ssize_t)length)
        return 0;
    struct stat info;
    if (written > 0 && fstat(fd, &info) == 0 && ftruncate(fd, info.st_size - written) != 0)
        return -1;
    return -1;
}

static struct kejue_builder *keep_request(const struct kj_sim_ring_log *log,
                                          struct kejue_doc request)
{
    struct kejue_builder *b = log->rules->host->build(log->rules->ctx);
    log->rules->host->put_doc(b, "request", request);
    return b;
}

// Appends the ring's line to the file; its length, or 0.
static size_t write_ring(struct kj_sim_ring_log *log, struct kejue_doc request, int64_t at_ms,
                         const char *provider_id)
{
    const struct kejue_host *host = log->rules->host;
    struct kejue_builder *b = host->build(log->rules->ctx);
    host->put_text(b, "attempt_id", host->text(request, "attempt_id", ""));
    host->put_text(b, "to", host->text(request, "to", ""));
    host->put_time(b, "at", at_ms);
    host->put_integer(b, "attempt", host->integer(request, "attempt", 1));
    host->put_integer(b, "at_ms", at_ms);
    host->put_text(b, "provider_id", provider_id);
    host->put_doc(b, "request", request);
    size_t length;
    char *line = line_of(host, b, &length);
    host->drop(b);
    bool written = length <= LONGEST_LINE && append(log->fd, line, length) == 0;
    free(line);
    return written ? length : 0;
}

struct kj_sim_ring *kj_sim_ring_add(struct kj_sim_ring_log *log, struct kejue_doc request,
                                    int64_t at_ms)
{
    const struct kejue_host *host = log->rules->host;
    const char *id = host->text(request, "attempt_id", "");
    struct kj_sim_ring *known = indexed(log, id);
    struct kj_sim_dice dice = {log->rules, id, known ? known->rings : 0};
    char provider_id[24];
    snprintf(provider_id, sizeof provider_id, "SIM%016llx",
             (unsigned long long)kj_sim_bits(&dice, "provider", 0));
    size_t length = log->fd >= 0 ? write_ring(log, request, at_ms, provider_id) : 0;
    if (log->fd >= 0 && length == 0)
        return NULL;
    struct kj_sim_ring *ring = kj_sim_ring_entry(log, id);
    memcpy(ring->provider_id, provider_id, sizeof provider_id);
    ring->at_ms = at_ms;
    ring->cut_ms = -1;
    ring->rings++;
    ring->offset = -1;
    if (log->fd >= 0) { // behind an appending write the file stands at its end
        ring->length = length - 1;
        ring->offset = lseek(log->fd, 0, SEEK_CUR) - (int64_t)length;
        if (ring->offset == log->read_to)
            log->read_to += (int64_t)length;
        return ring;
    }
    free(ring->kept);
    ring->length = request.length;
    ring->kept = memcpy(kj_sim_alloc(request.length), request.bytes, request.length);
    return ring;
}

struct kejue_builder *kj_sim_ring_request(const struct kj_sim_ring_log *log,
                                          const struct kj_sim_ring *ring, struct kejue_doc *request)
{
    const struct kejue_host *host = log->rules->host;
    struct kejue_builder *b = NULL;
    struct kejue_doc doc;
    if (ring->offset < 0) {
        b = keep_request(log, (struct kejue_doc){ring->kept, ring->length});
        *request = host->child(host->built(b), "request");
        return b;
    }
    char *line = kj_sim_alloc(ring->length + 1);
    if (pread(log->fd, line, ring->length, ring->offset) == (ssize_t)ring->length)
        b = parse(log, line, ring->length, &doc);
    free(line);
    if (b)
        *request = host->child(doc, "request");
    return b;
}

int kj_sim_ring_cut(struct kj_sim_ring_log *log, struct kj_sim_ring *ring, int64_t cut_ms)
{
    const struct kejue_host *host = log->rules->host;
    int result = 0;
    if (log->hangup_fd >= 0) {
        struct kejue_builder *b = host->build(log->rules->ctx);
        host->put_text(b, "attempt_id", ring->attempt_id);
        host->put_text(b, "provider_id", ring->provider_id);
        host->put_integer(b, "cut_ms", cut_ms);
        size_t length;
        char *line = line_of(host, b, &length);
        host->drop(b);
        result = append(log->hangup_fd, line, length);
        free(line);
    }
    if (result == 0)
        ring->cut_ms = cut_ms;
    return result;
}

void kj_sim_truth_write(struct kj_sim_ring_log *log, struct kj_sim_ring *ring,
                        const struct kj_sim_plan *plan)
{
    const struct kejue_host *host = log->rules->host;
    ring->truths++;
    if (log->truth_fd < 0)
        return;
    struct kejue_builder *b = kj_sim_truth_line(log->rules, plan);
    size_t length;
    char *line = line_of(host, b, &length);
    host->drop(b);
    if (append(log->truth_fd, line, length) != 0)
        host->log(log->rules->ctx, KEJUE_ERROR,
                  "the simulated carrier could not write its truth file; is the disk full?");
    free(line);
}

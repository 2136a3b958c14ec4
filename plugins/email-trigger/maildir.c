// Maildir over POSIX calls. A rename within the folder is atomic: a mail is either new or done.
#include "maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NAMES = 100000 }; // looked at in one listing

static size_t base_length(const char *name)
{
    const char *info = strstr(name, ":2,");
    return info ? (size_t)(info - name) : strlen(name);
}

uint64_t maildir_hash(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    size_t length = base_length(name);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct maildir_entry *)left)->name,
                  ((const struct maildir_entry *)right)->name);
}

struct listing {
    size_t limit, count;
    int (*skip)(void *arg, uint64_t hash);
    void *arg;
    struct maildir_entry *entries;
};

// Keeps the `limit` smallest names: the oldest mails, since names begin with the time.
static void keep(struct listing *list, const char *folder, const char *name)
{
    size_t at = list->count;
    if (list->count == list->limit) {
        at = 0;
        for (size_t i = 1; i < list->count; i++)
            if (strcmp(list->entries[i].name, list->entries[at].name) > 0)
                at = i;
        if (strcmp(name, list->entries[at].name) >= 0)
            return;
    } else {
        list->count++;
    }
    snprintf(list->entries[at].folder, sizeof list->entries[at].folder, "%s", folder);
    snprintf(list->entries[at].name, sizeof list->entries[at].name, "%s", name);
}

static int list_folder(struct listing *list, const char *path, const char *folder, char *error,
                       size_t error_size)
{
    char full[1200];
    snprintf(full, sizeof full, "%s/%s", path, folder);
    DIR *dir = opendir(full);
    if (!dir) {
        snprintf(error, error_size, "%.900s: %s; name a Maildir (it holds new/, cur/, tmp/)", full,
                 strerror(errno));
        return -1;
    }
    struct dirent *entry;
    for (int looked = 0; looked < MOST_NAMES && (entry = readdir(dir)); looked++) {
        const char *name = entry->d_name, *info = strstr(name, ":2,");
        if (name[0] == '.' || strlen(name) >= MAILDIR_NAME - 8)
            continue;
        if (strcmp(folder, "cur") == 0 && info && strpbrk(info + 3, "ST"))
            continue; // seen, or thrown away
        if (!list->skip(list->arg, maildir_hash(name)))
            keep(list, folder, name);
    }
    closedir(dir);
    return 0;
}

int maildir_list(const char *path, size_t limit, int (*skip)(void *arg, uint64_t hash), void *arg,
                 struct maildir_entry *entries, char *error, size_t error_size)
{
    struct listing list = {limit, 0, skip, arg, entries};
    if (list_folder(&list, path, "new", error, error_size) != 0 ||
        list_folder(&list, path, "cur", error, error_size) != 0)
        return -1;
    qsort(entries, list.count, sizeof *entries, compare);
    return (int)list.count;
}

static void full_name(char *full, size_t size, const char *path, const struct maildir_entry *entry)
{
    snprintf(full, size, "%s/%s/%s", path, entry->folder, entry->name);
}

char *maildir_read(const char *path, const struct maildir_entry *entry, size_t limit,
                   size_t *length, int *too_large)
{
    char full[1600];
    struct stat about;
    *too_large = 0;
    full_name(full, sizeof full, path, entry);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    char *bytes = NULL;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
        *too_large = about.st_size > (off_t)limit;
        bytes = *too_large ? NULL : malloc((size_t)about.st_size + 1);
    }
    size_t used = 0;
    while (bytes && used < (size_t)about.st_size) {
        ssize_t got = read(fd, bytes + used, (size_t)about.st_size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    if (bytes)
        bytes[used] = '\0';
    *length = used;
    return bytes;
}

int maildir_done(const char *path, const struct maildir_entry *entry)
{
    char from[1600], to[1600];
    char flags[16] = "";
    const char *info = strstr(entry->name, ":2,");
    size_t used = 0;
    // flags stand in the order of the alphabet
    for (const char *p = info ? info + 3 : ""; *p && *p < 'S' && used < 8; p++)
        flags[used++] = *p;
    flags[used++] = 'S';
    for (const char *p = info ? info + 3 : ""; *p && used < 15; p++)
        if (*p > 'S')
            flags[used++] = *p;
    full_name(from, sizeof from, path, entry);
    snprintf(to, sizeof to, "%s/cur/%.*s:2,%s", path, (int)base_length(entry->name), entry->name,
             flags);
    return rename(from, to);
}

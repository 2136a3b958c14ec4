// Where everything lies: installed paths, or all in one folder with --dir.
#include "app/wire.h"
#include "base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Beside the program: a build tree, or an installation under a prefix.
static bool beside_program(const char *relative, char *path, size_t size)
{
    char self[2048];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = 0;
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = 0;
    snprintf(path, size, "%s/%s", self, relative);
    return access(path, R_OK) == 0;
}

static int make_dir(const char *path, struct kj_fault *fault)
{
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return KJ_OK;
    return kj_fault(fault, KJ_EIO, path, "make it, or choose another with --dir",
                    "cannot be made: %s", strerror(errno));
}

static int make_absolute(char *path, size_t size, struct kj_fault *fault)
{
    char *absolute = realpath(path, NULL);
    if (absolute == NULL)
        return kj_fault(fault, KJ_EIO, path, NULL, "cannot be found: %s", strerror(errno));
    kj_copy(path, size, absolute);
    free(absolute);
    return KJ_OK;
}

static void choose(char *to, size_t size, const bson_t *config, const char *key,
                   const char *otherwise)
{
    kj_copy(to, size, kj_doc_text(config, key, otherwise));
}

int kj_app_paths(struct kj_app *app, struct kj_fault *fault)
{
    const bson_t *config = app->config.doc;
    const char *dir = app->options->dir;
    char found[3072];
    choose(app->data_dir, sizeof app->data_dir, config, "data_dir", dir ? dir : "/var/lib/kejue");
    choose(app->run_dir, sizeof app->run_dir, config, "run_dir", dir ? dir : "/run/kejue");
    bool built = beside_program("plugins", found, sizeof found) ||
                 beside_program("../lib/kejue", found, sizeof found);
    choose(app->plugin_dir, sizeof app->plugin_dir, config, "plugin_dir",
           built ? found : "/usr/lib/kejue");
    bool scripts = beside_program("../share/kejue/scripts", found, sizeof found) ||
                   beside_program("scripts", found, sizeof found);
    choose(app->scripts_dir, sizeof app->scripts_dir, config, "scripts_dir",
           scripts ? found : "/usr/share/kejue/scripts");
    gethostname(app->host_name, sizeof app->host_name - 1);
    choose(found, sizeof app->host_name, config, "host_name", app->host_name);
    kj_copy(app->host_name, sizeof app->host_name, found);
    int rc = make_dir(app->data_dir, fault);
    if (rc == KJ_OK)
        rc = make_dir(app->run_dir, fault);
    if (rc == KJ_OK)
        rc = make_absolute(app->run_dir, sizeof app->run_dir, fault);
    if (rc == KJ_OK)
        rc = make_absolute(app->data_dir, sizeof app->data_dir, fault);
    // Relative paths in plugin sections mean the data folder.
    if (rc == KJ_OK && chdir(app->data_dir) != 0)
        rc = kj_fault(fault, KJ_EIO, app->data_dir, NULL, "cannot be entered: %s", strerror(errno));
    return rc;
}

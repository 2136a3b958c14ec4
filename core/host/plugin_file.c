// Opening a plugin: find the file, load it, read size and version, copy the data. Nothing of the
// plugin is called here.
#include "host/plugin_file.h"
#include "base/alloc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What the first released boundary had: a smaller table cannot be one.
enum { KJ_PLUGIN_MIN_SIZE = offsetof(struct kejue_plugin, close) + sizeof(void (*)(void)) };

static char *kj_plugin_path(const char *name, const char *dir)
{
    struct kj_buf path;
    kj_buf_init(&path, 4096);
    if (strchr(name, '/'))
        kj_buf_adds(&path, name);
    else
        kj_buf_addf(&path, "%s/%s%s", dir ? dir : ".", name, strstr(name, ".so") ? "" : ".so");
    return kj_buf_take(&path);
}

static int kj_plugin_judge_version(const struct kejue_plugin *plugin, const char *path,
                                   struct kj_fault *fault)
{
    if (plugin->major != KEJUE_ABI_MAJOR || plugin->minor > KEJUE_ABI_MINOR)
        return kj_fault(fault, KJ_EVERSION, path,
                        plugin->major < KEJUE_ABI_MAJOR
                            ? "build the plugin again with the kejue_plugin.h of this Kejue"
                            : "update Kejue, or build the plugin with the kejue_plugin.h of this "
                              "Kejue",
                        "made for plugin boundary %u.%u, this Kejue has %d.%d", plugin->major,
                        plugin->minor, KEJUE_ABI_MAJOR, KEJUE_ABI_MINOR);
    if (plugin->size < KJ_PLUGIN_MIN_SIZE)
        return kj_fault(fault, KJ_EVERSION, path,
                        "set .size = sizeof(struct kejue_plugin) and build the plugin again",
                        "kejue_plugin says %u.%u but its size is %zu bytes, below the %d that "
                        "%d.%d needs",
                        plugin->major, plugin->minor, plugin->size, (int)KJ_PLUGIN_MIN_SIZE,
                        KEJUE_ABI_MAJOR, KEJUE_ABI_MINOR);
    return 0;
}

int kj_plugin_file_open(const char *name, const char *dir, struct kj_plugin_file **out,
                        struct kj_fault *fault)
{
    struct kj_plugin_file *file = KJ_NEW(struct kj_plugin_file);
    file->path = kj_plugin_path(name, dir);
    int error;
    if (access(file->path, R_OK) != 0) {
        error = kj_fault(fault, KJ_ENOTFOUND, file->path,
                         "check the name of the plugin and the plugin folder",
                         "there is no readable plugin file for \"%s\"", name);
        goto fail;
    }
    file->handle = dlopen(file->path, RTLD_NOW | RTLD_LOCAL);
    if (!file->handle) {
        error = kj_fault(fault, KJ_EINVAL, file->path, "see `ldd` for missing libraries",
                         "cannot be loaded: %s", dlerror());
        goto fail;
    }
    const struct kejue_plugin *plugin = dlsym(file->handle, "kejue_plugin");
    if (!plugin) {
        error = kj_fault(fault, KJ_EINVAL, file->path,
                         "define KEJUE_EXPORT const struct kejue_plugin kejue_plugin",
                         "exports no symbol `kejue_plugin`: not a plugin of Kejue");
        goto fail;
    }
    error = kj_plugin_judge_version(plugin, file->path, fault);
    if (error)
        goto fail;
    file->size = plugin->size;
    memcpy(&file->decl, plugin, file->size < sizeof file->decl ? file->size : sizeof file->decl);
    *out = file;
    return 0;
fail:
    kj_plugin_file_close(file);
    return error;
}

void kj_plugin_file_close(struct kj_plugin_file *file)
{
    if (!file)
        return;
    if (file->handle)
        dlclose(file->handle);
    free(file->path);
    free(file);
}

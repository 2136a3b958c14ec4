// References: URI resolution, JSON Pointers and anchors, other documents, and the search for
// references that lead back to themselves without ever moving on in the instance.
#include "doc/schema_compile.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

// RFC 3986, appendix B, as lengths into the text.
struct uri {
    const char *scheme, *authority, *path, *query, *fragment;
    size_t scheme_length, authority_length, path_length, query_length, fragment_length;
    bool has_scheme, has_authority, has_query, has_fragment;
};

static struct uri split(const char *text)
{
    struct uri u = {.scheme = text, .authority = "", .query = "", .fragment = ""};
    size_t length = strcspn(text, ":/?#");
    if (length && text[length] == ':') {
        u.has_scheme = true;
        u.scheme_length = length;
        text += length + 1;
    }
    if (strncmp(text, "//", 2) == 0) {
        u.has_authority = true;
        u.authority = text + 2;
        u.authority_length = strcspn(u.authority, "/?#");
        text = u.authority + u.authority_length;
    }
    u.path = text;
    u.path_length = strcspn(text, "?#");
    text += u.path_length;
    if (*text == '?') {
        u.has_query = true;
        u.query = text + 1;
        u.query_length = strcspn(u.query, "#");
        text = u.query + u.query_length;
    }
    if (*text == '#') {
        u.has_fragment = true;
        u.fragment = text + 1;
        u.fragment_length = strlen(u.fragment);
    }
    return u;
}

// Drops the last segment of what was added since `start`.
static void drop_segment(struct kj_buf *out, size_t start)
{
    while (out->length > start && out->data[out->length - 1] != '/')
        out->length--;
    if (out->length > start)
        out->length--;
    out->data[out->length] = 0;
}

// RFC 3986, 5.2.4: "." and ".." disappear.
static void add_path(struct kj_buf *out, const char *path, size_t length)
{
    size_t start = out->length;
    const char *end = path + length;
    while (path < end) {
        const char *next = memchr(path + 1, '/', (size_t)(end - path - 1));
        size_t segment = (size_t)((next ? next : end) - path);
        bool slash = *path == '/';
        const char *name = path + slash;
        size_t name_length = segment - slash;
        if (name_length == 2 && memcmp(name, "..", 2) == 0) {
            drop_segment(out, start);
            if (next == NULL)
                kj_buf_addc(out, '/');
        } else if (name_length == 1 && *name == '.') {
            if (next == NULL)
                kj_buf_addc(out, '/');
        } else {
            kj_buf_add(out, path, segment);
        }
        path += segment;
    }
}

static void add_merged_path(struct kj_buf *out, const struct uri *base, const struct uri *ref)
{
    struct kj_buf joined;
    kj_buf_init(&joined, 0);
    if (base->has_authority && base->path_length == 0) {
        kj_buf_addc(&joined, '/');
    } else {
        size_t keep = base->path_length;
        while (keep && base->path[keep - 1] != '/')
            keep--;
        kj_buf_add(&joined, base->path, keep);
    }
    kj_buf_add(&joined, ref->path, ref->path_length);
    add_path(out, joined.data, joined.length);
    kj_buf_fini(&joined);
}

// The names of embedded schemas ("documents/lead") count from their common root, not from the file
// that refers: without a scheme on either side, only "./" and "../" are relative.
static bool names_a_file(const struct uri *base, const struct uri *ref)
{
    return !base->has_scheme && ref->path_length && *ref->path != '.';
}

char *kj_schema_uri(const char *base_text, const char *reference)
{
    struct uri base = split(base_text), ref = split(reference);
    const struct uri *query = &ref;
    struct kj_buf out;
    kj_buf_init(&out, 0);
    const struct uri *scheme = ref.has_scheme ? &ref : &base;
    const struct uri *authority = ref.has_scheme || ref.has_authority ? &ref : &base;
    if (scheme->has_scheme) {
        kj_buf_add(&out, scheme->scheme, scheme->scheme_length);
        kj_buf_addc(&out, ':');
    }
    if (authority->has_authority) {
        kj_buf_adds(&out, "//");
        kj_buf_add(&out, authority->authority, authority->authority_length);
    }
    if (ref.has_scheme || ref.has_authority || *ref.path == '/' || names_a_file(&base, &ref)) {
        add_path(&out, ref.path, ref.path_length);
    } else if (ref.path_length) {
        add_merged_path(&out, &base, &ref);
    } else {
        kj_buf_add(&out, base.path, base.path_length);
        query = ref.has_query ? &ref : &base;
    }
    if (query->has_query) {
        kj_buf_addc(&out, '?');
        kj_buf_add(&out, query->query, query->query_length);
    }
    if (ref.has_fragment) {
        kj_buf_addc(&out, '#');
        kj_buf_add(&out, ref.fragment, ref.fragment_length);
    }
    return kj_buf_take(&out);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// In place.
static void percent_decode(char *text)
{
    char *to = text;
    for (; *text; text++) {
        if (*text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
            *to++ = (char)(hex(text[1]) * 16 + hex(text[2]));
            text += 2;
        } else {
            *to++ = *text;
        }
    }
    *to = 0;
}

// One step of a JSON Pointer: `token` is undone in place.
static bool step(struct kj_element *at, char *token)
{
    char *to = token;
    for (const char *from = token; *from; from++) {
        bool tilde = *from == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = tilde ? (from[1] == '0' ? '~' : '/') : *from;
        from += tilde;
    }
    *to = 0;
    struct kj_element owner = *at;
    return (owner.type == BSON_TYPE_DOCUMENT || owner.type == BSON_TYPE_ARRAY) &&
           kj_element_find(owner.data, owner.length, token, (size_t)(to - token), at);
}

static bool follow_pointer(struct kj_schema_compiler *c, char *pointer, struct kj_element *at,
                           uint32_t *resource)
{
    while (*pointer == '/') {
        char *token = pointer + 1, *end = strchrnul(token, '/'), keep = *end;
        *end = 0;
        if (!step(at, token))
            return false;
        *end = keep;
        pointer = end;
        const struct kj_schema_spot *spot = kj_schema_spot(c, at->data);
        if (spot)
            *resource = spot->resource;
    }
    return *pointer == 0;
}

static bool follow_anchor(struct kj_schema_compiler *c, const char *name, struct kj_element *at,
                          uint32_t resource)
{
    for (size_t i = 0; i < c->schema->anchor_count; i++) {
        const struct kj_schema_anchor *anchor = &c->schema->anchors[i];
        if (anchor->resource == resource && strcmp(anchor->name, name) == 0) {
            *at = anchor->target;
            return true;
        }
    }
    return false;
}

// The resource that a URI without fragment names, loaded when it is not here yet.
static int find_resource(struct kj_schema_compiler *c, const char *uri, const char *ref,
                         const uint8_t *where, uint32_t *resource)
{
    uintptr_t known = (uintptr_t)kj_map_get(&c->names, uri);
    if (known) {
        *resource = (uint32_t)(known - 1);
        return KJ_OK;
    }
    const bson_t *doc = c->resolve ? c->resolve(c->arg, uri) : NULL;
    if (doc == NULL && c->resolve) { // a name as it stands, whatever the base
        char *plain = kj_strndup(ref, strcspn(ref, "#"));
        doc = *plain ? c->resolve(c->arg, plain) : NULL;
        free(plain);
    }
    if (doc == NULL)
        return kj_schema_refuse(c, where, "\"%.120s\" refers to a schema that does not exist", ref);
    return kj_schema_load(c, doc, uri, resource);
}

int kj_schema_follow(struct kj_schema_compiler *c, uint32_t base, const char *ref,
                     const uint8_t *where, struct kj_element *target, uint32_t *resource)
{
    char *uri = kj_schema_uri(c->resources[base].uri, ref), *fragment = strchrnul(uri, '#');
    int rc = KJ_OK;
    if (*fragment)
        *fragment++ = 0;
    *resource = base;
    if (*ref && *ref != '#')
        rc = find_resource(c, uri, ref, where, resource);
    if (rc == KJ_OK) {
        *target = c->resources[*resource].root;
        percent_decode(fragment);
        bool found = *fragment == 0 || *fragment == '/'
                         ? follow_pointer(c, fragment, target, resource)
                         : follow_anchor(c, fragment, target, *resource);
        if (!found)
            rc = kj_schema_refuse(c, where, "\"%.120s\" leads nowhere", ref);
    }
    free(uri);
    return rc;
}

// --- loops ---

static int visit(struct kj_schema_compiler *c, struct kj_schema_node *node, int depth);

static int visit_one(struct kj_schema_compiler *c, const struct kj_schema_node *node, int depth)
{
    return node ? visit(c, (struct kj_schema_node *)node, depth + 1) : KJ_OK;
}

static int visit_list(struct kj_schema_compiler *c, const struct kj_schema_node *const *list,
                      size_t count, int depth)
{
    int rc = KJ_OK;
    for (size_t i = 0; rc == KJ_OK && i < count; i++)
        rc = visit_one(c, list[i], depth);
    return rc;
}

static int visit_logic(struct kj_schema_compiler *c, const struct kj_schema_logic *logic, int depth)
{
    const struct kj_schema_node *single[] = {logic->ref, logic->negated, logic->condition,
                                             logic->then, logic->otherwise};
    int rc = visit_list(c, single, KJ_COUNT(single), depth);
    if (rc == KJ_OK)
        rc = visit_list(c, logic->all, logic->all_count, depth);
    if (rc == KJ_OK)
        rc = visit_list(c, logic->any, logic->any_count, depth);
    if (rc == KJ_OK)
        rc = visit_list(c, logic->one, logic->one_count, depth);
    return rc;
}

static int visit(struct kj_schema_compiler *c, struct kj_schema_node *node, int depth)
{
    if (node->visit == 2)
        return KJ_OK;
    if (node->visit == 1 || depth > KJ_SCHEMA_MAX_IN_PLACE)
        return kj_schema_refuse(c, node->source.data,
                                "refers to itself without end, or through too many others");
    node->visit = 1;
    int rc = node->logic ? visit_logic(c, node->logic, depth) : KJ_OK;
    for (size_t i = 0; rc == KJ_OK && node->object && i < node->object->dependency_count; i++)
        rc = visit_one(c, node->object->dependencies[i].node, depth);
    node->visit = 2;
    return rc;
}

int kj_schema_find_loops(struct kj_schema_compiler *c)
{
    int rc = KJ_OK;
    for (size_t i = 0; rc == KJ_OK && i < c->queue_count; i++)
        rc = visit(c, c->queue[i], 0);
    return rc;
}

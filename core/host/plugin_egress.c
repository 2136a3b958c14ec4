// The egress list: which addresses an instance may reach.
//
// Only what its configuration names, under the keys that the plugin declares in `hosts`. Addresses
// are compared part by part after libcurl has read them, the same reader that later connects, so
// that no trick of spelling means one thing here and another there.
#include "base/alloc.h"
#include "host/home.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *kj_url_part(CURLU *url, CURLUPart part, unsigned int flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = kj_strdup(text);
    curl_free(text);
    return copy;
}

static void kj_egress_clear(struct kj_egress *row)
{
    free(row->scheme);
    free(row->host);
    free(row->port);
    free(row->path);
}

static const char *kj_egress_judge(const struct kj_egress *row, const char *user)
{
    if (!row->scheme || (strcmp(row->scheme, "https") != 0 && strcmp(row->scheme, "http") != 0))
        return "is not an http or https URL";
    if (!row->host || !row->host[0] || !row->port || !row->path)
        return "has no host";
    return user ? "holds a user name; use auth instead" : NULL;
}

// NULL, or why this is not a URL that we would fetch.
static const char *kj_egress_read(const char *text, struct kj_egress *row)
{
    memset(row, 0, sizeof *row);
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == '\\' || *at == 0x7f)
            return "has a blank, a control character or a backslash";
    CURLU *url = strstr(text, "://") ? curl_url() : NULL; // without it libcurl would guess
    if (!url || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        curl_url_cleanup(url);
        return "is not an http or https URL";
    }
    row->scheme = kj_url_part(url, CURLUPART_SCHEME, 0);
    row->host = kj_url_part(url, CURLUPART_HOST, 0);
    row->port = kj_url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    row->path = kj_url_part(url, CURLUPART_PATH, 0);
    char *user = kj_url_part(url, CURLUPART_USER, 0);
    const char *why = kj_egress_judge(row, user);
    free(user);
    curl_url_cleanup(url);
    return why;
}

static int kj_hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));
    return c && at ? (int)(at - digits) : -1;
}

// The next character of a path as a reader that decodes it sees it; 0 at the end of the path.
static int kj_path_next(const char **at)
{
    const char *here = *at;
    if (*here == 0 || *here == '?' || *here == '#')
        return 0;
    bool coded = *here == '%' && kj_hex_digit(here[1]) >= 0 && kj_hex_digit(here[2]) >= 0;
    *at += coded ? 3 : 1;
    int c = coded ? kj_hex_digit(here[1]) * 16 + kj_hex_digit(here[2]) : (unsigned char)*here;
    return c ? c : ' ';
}

// True when some reader of the path could see a ".." in it: plain, encoded, behind an encoded /.
static bool kj_path_climbs(const char *path)
{
    char part[4] = ""; // the present segment, as far as it matters
    size_t length = 0;
    for (int c = '/'; c; c = kj_path_next(&path)) {
        if (strchr("/\\;?#", c)) {
            if (length == 2 && memcmp(part, "..", 2) == 0)
                return true;
            length = 0;
        } else if (length < sizeof part) {
            part[length++] = (char)c;
        }
    }
    return length == 2 && memcmp(part, "..", 2) == 0;
}

static bool kj_ipv4_private(uint32_t ip)
{
    return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 24 == 0 || ip >> 20 == 0xac1 ||
           ip >> 16 == 0xc0a8 || ip >> 16 == 0xa9fe || ip >> 22 == 0x191;
}

static bool kj_ipv6_private(const unsigned char *ip)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const unsigned char zero[15] = {0};
    if (memcmp(ip, mapped, sizeof mapped) == 0)
        return kj_ipv4_private((uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 |
                               (uint32_t)ip[14] << 8 | ip[15]);
    return memcmp(ip, zero, sizeof zero) == 0 || (ip[0] & 0xfe) == 0xfc ||
           (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}

static bool kj_ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcasecmp(text + length - tail, end) == 0;
}

// An address, or a name, that never leaves the house: then the operator meant an inner service.
static bool kj_host_is_private(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    char bare[64];
    if (inet_pton(AF_INET, host, &four) == 1)
        return kj_ipv4_private(ntohl(four.s_addr));
    if (host[0] == '[') {
        kj_copy(bare, sizeof bare, host + 1);
        bare[strcspn(bare, "]%")] = 0;
        return inet_pton(AF_INET6, bare, &six) == 1 && kj_ipv6_private(six.s6_addr);
    }
    return !strchr(host, '.') || kj_ends_with(host, ".localhost") ||
           kj_ends_with(host, ".internal") || kj_ends_with(host, ".local") ||
           kj_ends_with(host, ".lan") || kj_ends_with(host, ".home.arpa");
}

static int kj_egress_add(struct kejue_ctx *ctx, const char *key, const char *url,
                         const struct kj_place *place, struct kj_fault *fault)
{
    struct kj_egress *row = KJ_NEW(struct kj_egress);
    const char *why = kj_egress_read(url, row);
    if (why || kj_path_climbs(strstr(url, "://") + 3)) {
        char where[192], pointer[128];
        snprintf(pointer, sizeof pointer, "/%s", key);
        for (char *at = pointer; *at; at++)
            if (*at == '.')
                *at = '/';
        kj_place_at(place, pointer, where, sizeof where);
        kj_egress_clear(row);
        free(row);
        return kj_fault(fault, KJ_EINVAL, where, "write it like https://api.example.com/v1",
                        "the address \"%.200s\" %s", url, why ? why : "has a .. in its path");
    }
    row->private = kj_host_is_private(row->host);
    row->next = ctx->egress;
    ctx->egress = row;
    return 0;
}

int kj_egress_configure(struct kejue_ctx *ctx, const struct kj_place *place, struct kj_fault *fault)
{
    int error = 0;
    for (size_t i = 0; !error && ctx->decl->hosts && ctx->decl->hosts[i]; i++) {
        const char *key = ctx->decl->hosts[i];
        bson_iter_t at, item;
        if (!kj_doc_find(ctx->config, key, &at))
            continue;
        if (BSON_ITER_HOLDS_UTF8(&at)) {
            error = kj_egress_add(ctx, key, bson_iter_utf8(&at, NULL), place, fault);
            continue;
        }
        if (!BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &item))
            continue;
        while (!error && bson_iter_next(&item))
            if (BSON_ITER_HOLDS_UTF8(&item))
                error = kj_egress_add(ctx, key, bson_iter_utf8(&item, NULL), place, fault);
    }
    return error;
}

void kj_egress_fini(struct kejue_ctx *ctx)
{
    for (struct kj_egress *row; (row = ctx->egress);) {
        ctx->egress = row->next;
        kj_egress_clear(row);
        free(row);
    }
}

// "/v1" covers /v1, /v1/x and /v1?x, not /v10; a prefix that ends with / covers all below it.
static bool kj_egress_covers(const struct kj_egress *row, const struct kj_egress *asked)
{
    size_t length = strlen(row->path);
    return strcmp(row->scheme, asked->scheme) == 0 && strcasecmp(row->host, asked->host) == 0 &&
           strcmp(row->port, asked->port) == 0 && strncmp(row->path, asked->path, length) == 0 &&
           (length == 0 || row->path[length - 1] == '/' || asked->path[length] == 0 ||
            asked->path[length] == '/');
}

const struct kj_egress *kj_egress_find(const struct kejue_ctx *ctx, const char *url, char *why,
                                       size_t size)
{
    struct kj_egress asked;
    const char *fault = kj_egress_read(url, &asked);
    const struct kj_egress *found = NULL;
    if (fault) {
        snprintf(why, size, "the address %s", fault);
    } else if (kj_path_climbs(strstr(url, "://") + 3)) {
        snprintf(why, size, "the address has a .. in its path");
    } else {
        for (found = ctx->egress; found && !kj_egress_covers(found, &asked);)
            found = found->next;
        if (!found)
            snprintf(why, size, "%s is not among the addresses that the configuration of %s names",
                     asked.host, ctx->name);
    }
    kj_egress_clear(&asked);
    return found;
}

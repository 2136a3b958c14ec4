// What curl is told about one exchange, and the two gates it passes on the way out.
//
// open_socket judges each resolved address. before_request runs when the connection stands and
// nothing has been written: it judges again (a kept connection was opened for somebody else, maybe
// somebody with more rights), marks the request as sent, and refuses a second sending: curl repeats
// by itself a request whose kept connection broke before an answer, even a POST.
#include "loop/egress.h"
#include "loop/fetch_parts.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    DEFAULT_TIMEOUT_MS = 30000,
    CONNECT_TIMEOUT_MS = 10000,
    KEEP_IDLE_S = 4, // below the idle limit of common servers, so that they rarely hang up on us
    DEFAULT_RESPONSE_LIMIT = 1 << 20,
    HEADER_LIMIT = 256 << 10,
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct kj_exchange *exchange = arg;
    if (!exchange->allow_private && kj_egress_is_inside(&address->addr)) {
        exchange->denied = true;
        return CURL_SOCKET_BAD;
    }
    exchange->reached = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int before_request(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    (void)local, (void)remote_port, (void)local_port;
    struct kj_exchange *exchange = arg;
    if (!exchange->allow_private && kj_egress_text_is_inside(remote)) {
        exchange->denied = true;
        return CURL_PREREQFUNC_ABORT;
    }
    if (exchange->sent && !exchange->repeatable) {
        exchange->second = true;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *bytes, size_t one, size_t length, void *arg)
{
    (void)one;
    struct kj_exchange *exchange = arg;
    if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
        kj_buf_reset(&exchange->headers); // a 100 Continue came before
    else if (bytes[0] != '\r' && bytes[0] != '\n')
        kj_buf_add(&exchange->headers, bytes, length);
    exchange->too_large |= exchange->headers.failed;
    return exchange->too_large ? 0 : length;
}

static size_t on_content(char *bytes, size_t one, size_t length, void *arg)
{
    (void)one;
    struct kj_exchange *exchange = arg;
    kj_buf_add(&exchange->content, bytes, length);
    exchange->too_large |= exchange->content.failed;
    return exchange->too_large ? 0 : length;
}

// Letters and hyphens, as in every method there is.
static bool method_valid(const char *method)
{
    size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
    return length > 0 && length < 32 && method[length] == 0;
}

// "Name: value" or "Name:" with a token as name and no control characters, above all no line break.
static bool header_valid(const char *header)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t name = strspn(header, token);
    if (name == 0 || header[name] != ':')
        return false;
    for (const unsigned char *at = (const unsigned char *)header; *at; at++) {
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            return false;
    }
    return true;
}

static bool url_valid(const char *url)
{
    for (const unsigned char *at = (const unsigned char *)url; *at; at++) {
        if (*at <= 0x20 || *at == 0x7f)
            return false;
    }
    char *scheme = NULL;
    CURLU *parts = curl_url();
    bool valid = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                 curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parts);
    return valid;
}

static bool names(const char *header, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(header, name, length) == 0 && header[length] == ':';
}

static void add_header(struct kj_exchange *exchange, const char *line)
{
    struct curl_slist *list = curl_slist_append(exchange->request_headers, line);
    if (list)
        exchange->request_headers = list;
}

static int set_headers(struct kj_exchange *exchange, const char *const *headers)
{
    bool typed = false;
    for (; headers && *headers; headers++) {
        if (!header_valid(*headers))
            return KJ_EINVAL;
        // curl reads "Name:" as "leave Name out" and "Name;" as "send it empty".
        size_t name = strcspn(*headers, ":");
        if ((*headers)[name + 1 + strspn(*headers + name + 1, " \t")] == 0) {
            char *empty = kj_strndup(*headers, name + 1);
            empty[name] = ';';
            add_header(exchange, empty);
            free(empty);
        } else {
            add_header(exchange, *headers);
        }
        typed |= names(*headers, "Content-Type");
    }
    if (!typed)
        add_header(exchange, "Content-Type:"); // no form type that nobody asked for
    add_header(exchange, "Expect:");           // no second of waiting for a 100 Continue
    return curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->request_headers);
}

static int set_method(struct kj_exchange *exchange, const struct kj_fetch_request *request)
{
    CURL *easy = exchange->easy;
    const char *method = request->method;
    exchange->repeatable = kj_streq(method, "GET") || kj_streq(method, "HEAD");
    if (kj_streq(method, "HEAD"))
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    bool body = request->body_length > 0 || kj_streq(method, "POST") || kj_streq(method, "PUT") ||
                kj_streq(method, "PATCH");
    int rc = 0;
    if (body) {
        exchange->body = kj_memdup(request->body, request->body_length);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body);
    }
    return rc | curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static int set_limits(struct kj_exchange *exchange, const struct kj_fetch_request *request)
{
    CURL *easy = exchange->easy;
    int64_t timeout = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
    if (timeout > INT32_MAX)
        timeout = INT32_MAX;
    size_t limit = request->response_limit ? request->response_limit : DEFAULT_RESPONSE_LIMIT;
    kj_buf_init(&exchange->headers, HEADER_LIMIT);
    kj_buf_init(&exchange->content, limit);
    int rc = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout);
    rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)(timeout < CONNECT_TIMEOUT_MS ? timeout : CONNECT_TIMEOUT_MS));
    if (!kj_streq(request->method, "HEAD")) // its Content-Length announces no body
        rc |= curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)limit);
    rc |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)KEEP_IDLE_S);
    return rc;
}

static int set_callbacks(struct kj_exchange *exchange)
{
    CURL *easy = exchange->easy;
    int rc = curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    rc |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->text);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    rc |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
    rc |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    rc |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    rc |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_content);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    return rc;
}

static int set_fences(CURL *easy, const char *url)
{
    int rc = curl_easy_setopt(easy, CURLOPT_URL, url);
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); // not from the environment: it would see all
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    rc |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    rc |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "kejue/" KEJUE_VERSION);
    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    // A timeout or cancel while a name resolves leaves the resolver's thread to itself; without
    // this curl joins it, and a dead name server stops the whole loop for seconds.
    rc |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    return rc;
}

int kj_exchange_prepare(struct kj_exchange *exchange, const struct kj_fetch_request *request)
{
    if (!request->method || !method_valid(request->method) || !request->url ||
        !url_valid(request->url))
        return KJ_EINVAL;
    exchange->allow_private = request->allow_private;
    exchange->easy = curl_easy_init();
    if (exchange->easy == NULL)
        return KJ_EUNAVAILABLE;
    int rc = set_headers(exchange, request->headers);
    if (rc < 0)
        return rc;
    rc |= set_fences(exchange->easy, request->url);
    rc |= set_callbacks(exchange);
    rc |= set_method(exchange, request);
    rc |= set_limits(exchange, request);
    return rc == 0 ? 0 : KJ_EUNAVAILABLE; // only for want of memory
}

// WhatsApp's webhooks, sent by one thread: signed over the exact bytes, repeated until answered
// 200.
//
// On request each goes twice, or the order is turned round: the vendor does both without being
// asked.
#include "stand_in.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "doc/json.h"

#include <curl/curl.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 20, PAUSE_MS = 250 };

struct post {
    struct post *next;
    char *body;
};

struct si_hooks {
    struct si_hooks_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct post *first, **end;
    bool stopping;
    int64_t inbound; // messages made so far
};

static void pause_ms(int64_t ms)
{
    struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

static size_t ignore(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes, (void)arg;
    return size * count;
}

static void sign(const struct si_hooks *hooks, const char *body, char header[128])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    size_t used = (size_t)snprintf(header, 128, "X-Hub-Signature-256: sha256=");
    HMAC(EVP_sha256(), hooks->config.secret, (int)strlen(hooks->config.secret),
         (const unsigned char *)body, strlen(body), sum, &size);
    for (unsigned i = 0; i < size && i < 32; i++)
        used += (size_t)snprintf(header + used, 128 - used, "%02x", sum[i]);
}

static bool post_once(const struct si_hooks *hooks, const char *body)
{
    char signature[128];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    sign(hooks, body, signature);
    headers = curl_slist_append(headers, signature);
    curl_easy_setopt(curl, CURLOPT_URL, hooks->config.url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status == 200;
}

static bool is_stopping(struct si_hooks *hooks)
{
    pthread_mutex_lock(&hooks->lock);
    bool stopping = hooks->stopping;
    pthread_mutex_unlock(&hooks->lock);
    return stopping;
}

static void *run(void *arg)
{
    struct si_hooks *hooks = arg;
    pthread_mutex_lock(&hooks->lock);
    while (!hooks->stopping) {
        struct post *post = hooks->first;
        if (!post) {
            pthread_cond_wait(&hooks->wake, &hooks->lock);
            continue;
        }
        hooks->first = post->next;
        if (!hooks->first)
            hooks->end = &hooks->first;
        pthread_mutex_unlock(&hooks->lock);
        pause_ms(hooks->config.delay_ms);
        for (int i = 0; i < TRIES && !is_stopping(hooks) && !post_once(hooks, post->body); i++)
            pause_ms(PAUSE_MS);
        free(post->body);
        free(post);
        pthread_mutex_lock(&hooks->lock);
    }
    pthread_mutex_unlock(&hooks->lock);
    return NULL;
}

struct si_hooks *si_hooks_create(const struct si_hooks_config *config)
{
    struct si_hooks *hooks = KJ_NEW(struct si_hooks);
    hooks->config = *config;
    hooks->end = &hooks->first;
    pthread_mutex_init(&hooks->lock, NULL);
    pthread_cond_init(&hooks->wake, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (pthread_create(&hooks->thread, NULL, run, hooks) != 0)
        abort();
    return hooks;
}

void si_hooks_destroy(struct si_hooks *hooks)
{
    if (!hooks)
        return;
    pthread_mutex_lock(&hooks->lock);
    hooks->stopping = true;
    pthread_cond_signal(&hooks->wake);
    pthread_mutex_unlock(&hooks->lock);
    pthread_join(hooks->thread, NULL);
    while (hooks->first) {
        struct post *next = hooks->first->next;
        free(hooks->first->body);
        free(hooks->first);
        hooks->first = next;
    }
    pthread_cond_destroy(&hooks->wake);
    pthread_mutex_destroy(&hooks->lock);
    free(hooks);
}

static void enqueue(struct si_hooks *hooks, const bson_t *body)
{
    for (int i = 0; i < (hooks->config.twice ? 2 : 1); i++) {
        struct post *post = KJ_NEW(struct post);
        struct kj_buf text;
        kj_buf_init(&text, 0);
        kj_json_write(body, 0, &text);
        post->body = kj_buf_take(&text);
        pthread_mutex_lock(&hooks->lock);
        *hooks->end = post;
        hooks->end = &post->next;
        pthread_cond_signal(&hooks->wake);
        pthread_mutex_unlock(&hooks->lock);
    }
}

// {object, entry: [{id, changes: [{field, value}]}]} around a value.
static bson_t *wrap(const bson_t *value)
{
    bson_t change = BSON_INITIALIZER, entry = BSON_INITIALIZER, list = BSON_INITIALIZER;
    bson_t *body = bson_new();
    kj_doc_put_doc(&change, "value", value);
    kj_doc_put_text(&change, "field", "messages");
    kj_doc_put_doc(&list, "0", &change);
    kj_doc_put_text(&entry, "id", "419561257915477");
    kj_doc_put_array(&entry, "changes", &list);
    bson_reinit(&list);
    kj_doc_put_doc(&list, "0", &entry);
    kj_doc_put_text(body, "object", "whatsapp_business_account");
    kj_doc_put_array(body, "entry", &list);
    bson_destroy(&change);
    bson_destroy(&entry);
    bson_destroy(&list);
    return body;
}

static void put_metadata(bson_t *value, const char *number_id)
{
    bson_t metadata = BSON_INITIALIZER;
    kj_doc_put_text(value, "messaging_product", "whatsapp");
    kj_doc_put_text(&metadata, "display_phone_number", "15550783881");
    kj_doc_put_text(&metadata, "phone_number_id", number_id);
    kj_doc_put_doc(value, "metadata", &metadata);
    bson_destroy(&metadata);
}

static void put_now(bson_t *doc)
{
    char seconds[24];
    struct kj_clock clock; // the vendor's own, whatever the tested program's clock says
    kj_clock_init_system(&clock);
    snprintf(seconds, sizeof seconds, "%lld", (long long)(kj_clock_now(&clock) / 1000));
    kj_doc_put_text(doc, "timestamp", seconds);
}

static void send_value(struct si_hooks *hooks, const char *number_id, const char *key,
                       const bson_t *row, const bson_t *contacts)
{
    bson_t value = BSON_INITIALIZER, list = BSON_INITIALIZER;
    put_metadata(&value, number_id);
    if (contacts)
        kj_doc_put_array(&value, "contacts", contacts);
    kj_doc_put_doc(&list, "0", row);
    kj_doc_put_array(&value, key, &list);
    bson_t *body = wrap(&value);
    enqueue(hooks, body);
    bson_destroy(body);
    bson_destroy(&value);
    bson_destroy(&list);
}

void si_hooks_status(struct si_hooks *hooks, const char *number_id, const char *wamid,
                     const char *recipient, const char *job)
{
    static const char *const names[] = {"sent", "delivered", "read"};
    for (int i = 0; i < 3; i++) {
        bson_t status = BSON_INITIALIZER;
        kj_doc_put_text(&status, "id", wamid);
        kj_doc_put_text(&status, "status", names[hooks->config.reordered ? 2 - i : i]);
        put_now(&status);
        kj_doc_put_text(&status, "recipient_id", recipient ? recipient : "");
        kj_doc_put_text(&status, "biz_opaque_callback_data", job);
        send_value(hooks, number_id, "statuses", &status, NULL);
        bson_destroy(&status);
    }
}

void si_hooks_inbound(struct si_hooks *hooks, const char *number_id, const bson_t *message)
{
    bson_t row = BSON_INITIALIZER, part = BSON_INITIALIZER, contacts = BSON_INITIALIZER;
    char id[64];
    const char *text = kj_doc_text(message, "text", "");
    bool button = kj_doc_has(message, "payload");
    snprintf(id, sizeof id, "wamid.in%lld", (long long)++hooks->inbound);
    kj_doc_put_from(&row, "from", message, "from");
    kj_doc_put_from(&row, "from_user_id", message, "user_id");
    kj_doc_put_text(&row, "id", kj_doc_text(message, "id", id));
    put_now(&row);
    kj_doc_put_text(&row, "type", button ? "button" : "text");
    kj_doc_put_text(&part, button ? "text" : "body", text);
    kj_doc_put_from(&part, "payload", message, "payload");
    kj_doc_put_doc(&row, button ? "button" : "text", &part);
    bson_reinit(&part);
    kj_doc_put_from(&part, "wa_id", message, "from");
    kj_doc_put_from(&part, "user_id", message, "user_id");
    bson_t profile = BSON_INITIALIZER;
    kj_doc_put_text(&profile, "name", kj_doc_text(message, "name", "Stand In"));
    kj_doc_put_doc(&part, "profile", &profile);
    kj_doc_put_doc(&contacts, "0", &part);
    send_value(hooks, number_id, "messages", &row, &contacts);
    bson_destroy(&profile);
    bson_destroy(&contacts);
    bson_destroy(&part);
    bson_destroy(&row);
}

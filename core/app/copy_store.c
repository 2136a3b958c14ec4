// kejued --copy-store: everything from the one store to the other, while no daemon runs.
//
// Not a command of the running daemon: it would write on into the store that is being left, and
// what it wrote behind the copy would be lost. One walk serves for copying, for going on after an
// interruption and for checking: both stores are read in the order of ids, and what differs is put;
// the last walk finds nothing to put. A note in the target keeps kejued from running on half a
// copy.
#include "app/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 500 };

struct copy {
    struct kj_app *app;
    const char *from_type, *to_type;
    struct kj_store *from, *to;
    struct kj_fault *fault;
    // Of the request waited for:
    struct kj_store_request *asked;
};

// --- waiting for an answer: nothing else runs in this process ---

static void on_answer(struct kj_store_request *request)
{
    struct copy *copy = request->arg;
    // The results outlive the request that the store frees: they move to one of ours.
    copy->asked = kj_store_request(0, "", NULL, NULL);
    struct kj_store_op *none = copy->asked->ops;
    copy->asked->ops = request->ops;
    copy->asked->n_ops = request->n_ops;
    copy->asked->fault = request->fault;
    request->ops = none;
    request->n_ops = 0;
    kj_loop_stop(copy->app->loop);
}

static struct kj_store_request *ask(struct copy *copy, size_t n_ops, enum kj_store_verb verb,
                                    enum kj_coll coll)
{
    struct kj_store_request *request = kj_store_request(n_ops, "", on_answer, copy);
    for (size_t i = 0; i < n_ops; i++) {
        request->ops[i].verb = verb;
        request->ops[i].coll = coll;
    }
    return request;
}

// The first status that is none of 0 and `fine`.
static int answer(struct copy *copy, struct kj_store *store, struct kj_store_request *request,
                  int fine)
{
    kj_store_discard(copy->asked);
    copy->asked = NULL;
    kj_store_submit(store, request);
    kj_loop_run(copy->app->loop);
    for (size_t i = 0; i < copy->asked->n_ops; i++) {
        int status = copy->asked->ops[i].status;
        if (status == 0 || status == fine)
            continue;
        *copy->fault = copy->asked->fault;
        if (copy->fault->text[0] == 0)
            kj_fault(copy->fault, status, store->class->name, NULL,
                     "The %s store refuses a document of %s: %s", store->class->name,
                     kj_coll_name(copy->asked->ops[i].coll), kj_error_name(status));
        return status;
    }
    return KJ_OK;
}

// --- the note in the target ---

static int begun(struct copy *copy, struct kj_store *store, bool *found)
{
    struct kj_store_request *request = ask(copy, 1, KJ_STORE_GET, KJ_META);
    request->ops[0].key = "copy";
    int rc = answer(copy, store, request, KJ_ENOTFOUND);
    *found = rc == KJ_OK && copy->asked->ops[0].status == KJ_OK;
    return rc;
}

static int refuse_full(struct copy *copy)
{
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++) {
        struct kj_store_request *request = ask(copy, 1, KJ_STORE_FIND, (enum kj_coll)coll);
        request->ops[0].limit = 1;
        int rc = coll == KJ_META ? KJ_OK : answer(copy, copy->to, request, 0);
        if (coll == KJ_META)
            kj_store_discard(request);
        else if (rc == KJ_OK && copy->asked->ops[0].n_docs)
            rc = kj_fault(copy->fault, KJ_EEXISTS, copy->to_type,
                          "give it an empty database or file, and move the old one away",
                          "The %s store that should be copied to is not empty", copy->to_type);
        if (rc != KJ_OK)
            return rc;
    }
    return KJ_OK;
}

static int begin(struct copy *copy)
{
    bool found, half;
    int rc = begun(copy, copy->from, &half);
    if (rc == KJ_OK && half)
        return kj_fault(copy->fault, KJ_ESTATE, copy->from_type,
                        "finish that copy first, or copy the other way",
                        "The %s store is itself an unfinished copy", copy->from_type);
    if (rc == KJ_OK)
        rc = begun(copy, copy->to, &found);
    if (rc != KJ_OK || found)
        return rc;
    rc = refuse_full(copy);
    if (rc != KJ_OK)
        return rc;
    bson_t *note = bson_new();
    kj_doc_put_text(note, "key", "copy");
    struct kj_store_request *request = ask(copy, 1, KJ_STORE_INSERT, KJ_META);
    kj_store_own_doc(request, 0, note);
    return answer(copy, copy->to, request, 0);
}

static int end(struct copy *copy)
{
    struct kj_store_request *request = ask(copy, 1, KJ_STORE_DELETE, KJ_META);
    request->ops[0].key = "copy";
    return answer(copy, copy->to, request, 0);
}

// --- the walk ---

// Documents with _id > after, and with `most` <= most.
static int read_page(struct copy *copy, struct kj_store *store, enum kj_coll coll, int64_t after,
                     int64_t most)
{
    bson_t *filter = bson_new(), range;
    struct kj_store_request *request = ask(copy, 1, KJ_STORE_FIND, coll);
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    kj_doc_put_int(&range, "$gt", after);
    if (most)
        kj_doc_put_int(&range, "$lte", most);
    bson_append_document_end(filter, &range);
    kj_store_own_filter(request, 0, filter);
    request->ops[0].limit = PAGE;
    return answer(copy, store, request, 0);
}

// Puts the documents of `page` that `there` lacks or has otherwise; both are in the order of _id.
static int put_page(struct copy *copy, enum kj_coll coll, const struct kj_store_op *page,
                    const struct kj_store_op *there, int64_t *put)
{
    struct kj_store_request *request = ask(copy, page->n_docs, KJ_STORE_PUT, coll);
    size_t count = 0, n = 0;
    for (size_t i = 0; i < page->n_docs; i++) {
        int64_t id = kj_doc_int(page->docs[i], "_id", 0);
        while (n < there->n_docs && kj_doc_int(there->docs[n], "_id", 0) < id)
            n++;
        if (n == there->n_docs || !bson_equal(there->docs[n], page->docs[i]))
            kj_store_own_doc(request, count++, bson_copy(page->docs[i]));
    }
    request->n_ops = count;
    *put += (int64_t)count;
    if (count)
        return answer(copy, copy->to, request, 0);
    kj_store_discard(request);
    return KJ_OK;
}

struct tally {
    int64_t all, put;
};

static int walk_collection(struct copy *copy, enum kj_coll coll, struct tally *tally)
{
    int64_t last = 0;
    int rc = KJ_OK;
    for (bool more = true; more && rc == KJ_OK;) {
        rc = read_page(copy, copy->from, coll, last, 0);
        if (rc != KJ_OK)
            break;
        struct kj_store_request *page = copy->asked;
        size_t count = page->ops[0].n_docs;
        copy->asked = NULL;
        more = count == PAGE;
        if (count) {
            int64_t most = kj_doc_int(page->ops[0].docs[count - 1], "_id", 0);
            rc = read_page(copy, copy->to, coll, last, most);
            struct kj_store_request *there = copy->asked;
            copy->asked = NULL;
            if (rc == KJ_OK)
                rc = put_page(copy, coll, &page->ops[0], &there->ops[0], &tally->put);
            kj_store_discard(there);
            tally->all += (int64_t)count;
            last = most;
        }
        kj_store_discard(page);
    }
    return rc;
}

static int walk_all(struct copy *copy, bool tell, struct tally *total)
{
    *total = (struct tally){0};
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++) {
        struct tally tally = {0};
        int rc = coll == KJ_META ? KJ_OK : walk_collection(copy, (enum kj_coll)coll, &tally);
        if (rc != KJ_OK)
            return rc;
        if (tell && tally.all) {
            printf("%s: %" PRId64 " documents, %" PRId64 " copied\n",
                   kj_coll_name((enum kj_coll)coll), tally.all, tally.put);
            fflush(stdout);
        }
        total->all += tally.all;
        total->put += tally.put;
    }
    return KJ_OK;
}

static int count_all(struct copy *copy, struct kj_store *store, int64_t *count)
{
    *count = 0;
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++) {
        if (coll == KJ_META)
            continue;
        int rc = answer(copy, store, ask(copy, 1, KJ_STORE_COUNT, (enum kj_coll)coll), 0);
        if (rc != KJ_OK)
            return rc;
        *count += copy->asked->ops[0].count;
    }
    return KJ_OK;
}

// A number that was given is given to nobody else, also where its document is gone.
static int carry_numbers(struct copy *copy)
{
    for (int coll = 0; coll < KJ_COLL_COUNT; coll++) {
        if (coll == KJ_META)
            continue;
        int rc = answer(copy, copy->from, ask(copy, 1, KJ_STORE_NEXT, (enum kj_coll)coll), 0);
        if (rc != KJ_OK)
            return rc;
        struct kj_store_request *request = ask(copy, 1, KJ_STORE_NEXT, (enum kj_coll)coll);
        request->ops[0].id = copy->asked->ops[0].new_id - 1;
        rc = answer(copy, copy->to, request, 0);
        if (rc != KJ_OK)
            return rc;
    }
    return KJ_OK;
}

static int verify(struct copy *copy)
{
    struct tally again;
    int64_t from = 0, to = 0;
    int rc = walk_all(copy, false, &again);
    if (rc == KJ_OK)
        rc = count_all(copy, copy->from, &from);
    if (rc == KJ_OK)
        rc = count_all(copy, copy->to, &to);
    if (rc == KJ_OK && (again.put || from != to))
        rc = kj_fault(copy->fault, KJ_ESTATE, copy->to_type,
                      "stop all daemons, empty the target and begin again",
                      "The two stores differ after the copy (%" PRId64 " documents here, %" PRId64
                      " there, %" PRId64 " unlike): the source was written to meanwhile, or since "
                      "an earlier try",
                      from, to, again.put);
    if (rc == KJ_OK)
        printf("verified: %" PRId64 " documents are the same in both\n", to);
    return rc;
}

static int run(struct copy *copy)
{
    struct tally total;
    int rc = begin(copy);
    if (rc == KJ_OK)
        rc = walk_all(copy, true, &total);
    if (rc == KJ_OK)
        rc = carry_numbers(copy);
    if (rc == KJ_OK)
        rc = verify(copy);
    if (rc == KJ_OK)
        rc = end(copy);
    if (rc == KJ_OK)
        printf("now set store = { type = \"%s\"; … } in kejue.conf\n", copy->to_type);
    return rc;
}

int kj_app_copy_store(struct kj_app *app, struct kj_fault *fault)
{
    const char *to = app->options->copy_store;
    struct copy copy = {.app = app, .to_type = to, .fault = fault};
    copy.from_type = strcmp(to, "mongodb") == 0 ? "sqlite" : "mongodb";
    kj_clock_init_system(&app->clock);
    int rc = kj_loop_create(&app->clock, &app->loop, fault);
    if (rc == KJ_OK)
        rc = kj_app_store(app, copy.from_type, &copy.from, fault);
    if (rc == KJ_OK)
        rc = kj_app_store(app, copy.to_type, &copy.to, fault);
    if (rc == KJ_OK)
        rc = run(&copy);
    kj_store_discard(copy.asked);
    kj_store_destroy(copy.from);
    kj_store_destroy(copy.to);
    return rc;
}

int kj_app_refuse_half_copy(struct kj_app *app, struct kj_fault *fault)
{
    struct copy copy = {.app = app, .fault = fault};
    bool half;
    int rc = begun(&copy, app->store, &half);
    kj_store_discard(copy.asked);
    if (rc == KJ_OK && half)
        rc = kj_fault(fault, KJ_ESTATE, app->store->class->name,
                      "run kejued --copy-store again, or go back to the store it came from",
                      "The %s store is an unfinished copy", app->store->class->name);
    return rc;
}

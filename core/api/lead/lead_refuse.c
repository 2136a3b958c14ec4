// lead.refuse: numbers that must not be called (any more), one or many. Acknowledged means: no
// permit is granted from here on. A bad number is told and the others are taken.
#include "api/commands.h"
#include "api/documents.h"

#include "base/alloc.h"

#include <stdlib.h>

struct refusals {
    struct kj_request *request;
    size_t pending, refused, already;
    bson_t faults;
    struct kj_doc_list list;
};

struct one {
    struct refusals *all;
    char *number;
};

static void settle(struct refusals *all)
{
    if (--all->pending)
        return;
    bson_t *result = bson_new();
    kj_doc_put_int(result, "refused", (int64_t)all->refused);
    kj_doc_put_int(result, "already", (int64_t)all->already);
    kj_doc_put_array(result, "faults", &all->faults);
    kj_reply_take(all->request, result);
    bson_destroy(&all->faults);
    free(all);
}

static void on_refused(void *arg, int status, const bson_t *result, const struct kj_fault *fault)
{
    struct one *one = arg;
    struct refusals *all = one->all;
    if (status == KJ_OK) {
        bool already = kj_doc_bool(result, "already", false);
        all->refused += !already;
        all->already += already;
    } else {
        bson_t row = BSON_INITIALIZER;
        kj_doc_put_text(&row, "phone_number", one->number);
        kj_doc_put_text(&row, "text", fault->text);
        kj_doc_put_doc(&all->faults, kj_doc_next(&all->list), &row);
        bson_destroy(&row);
    }
    free(one->number);
    free(one);
    settle(all);
}

static void refuse(struct refusals *all, const char *number)
{
    struct kj_request *request = all->request;
    struct one *one = KJ_NEW(struct one);
    bson_t ask = BSON_INITIALIZER;
    one->all = all;
    one->number = kj_strdup(number);
    kj_doc_put_text(&ask, "phone_number", number);
    kj_doc_put_text(&ask, "kind", kj_doc_text(request->args, "kind", "do_not_call"));
    kj_doc_put_text(&ask, "source", kj_doc_text(request->args, "source", "operator"));
    kj_doc_put_from(&ask, "evidence", request->args, "evidence");
    kj_doc_put_from(&ask, "country", request->args, "country");
    all->pending++;
    kj_intake_refusal(kj_request_engine(request), request->workspace, &ask, on_refused, one);
    bson_destroy(&ask);
}

void kj_lead_refuse(struct kj_request *request)
{
    struct refusals *all = KJ_NEW(struct refusals);
    bson_t numbers;
    bson_iter_t at;
    all->request = request;
    all->pending = 1;
    bson_init(&all->faults);
    all->list.array = &all->faults;
    if (kj_doc_has(request->args, "phone_number"))
        refuse(all, kj_doc_text(request->args, "phone_number", ""));
    if (kj_doc_child(request->args, "phone_numbers", &numbers) && bson_iter_init(&at, &numbers))
        while (bson_iter_next(&at))
            refuse(all, bson_iter_utf8(&at, NULL));
    settle(all);
}

// The claim in memory: each kind and priority has a heap of its waiting jobs by due and id.
#include "store/memory.h"

#include <stddef.h>
#include <string.h>

static bool wanted(const struct kj_store_op *op, const struct kj_level *level)
{
    for (size_t i = 0; op->kinds && op->kinds[i]; i++)
        if (strcmp(op->kinds[i], level->kind) == 0)
            return true;
    return op->kinds == NULL;
}

static struct kj_row *row_of(struct kj_heap_node *node)
{
    return node ? (struct kj_row *)((char *)node - offsetof(struct kj_row, node)) : NULL;
}

// The next due job of the wanted levels from `first` on that share its priority.
static struct kj_row *next_due(const struct kj_memory_run *run, size_t first)
{
    struct kj_memory_db *db = run->db;
    struct kj_row *best = NULL;
    for (size_t i = first;
         i < db->n_levels && db->levels[i]->priority == db->levels[first]->priority; i++) {
        struct kj_row *row = row_of(kj_heap_peek(&db->levels[i]->due));
        if (row == NULL || row->node.key > run->op->now || !wanted(run->op, db->levels[i]))
            continue;
        if (best == NULL || row->node.key < best->node.key ||
            (row->node.key == best->node.key && row->id < best->id))
            best = row;
    }
    return best;
}

static int take(struct kj_memory_run *run, struct kj_row *row)
{
    const struct kj_store_op *op = run->op;
    bson_t changes = BSON_INITIALIZER;
    kj_doc_put_text(&changes, "state", "running");
    kj_doc_put_text(&changes, "host", op->host);
    kj_doc_put_int(&changes, "token", kj_doc_int(row->doc, "token", 0) + 1);
    kj_doc_put_time(&changes, "updated_at", op->now);
    bson_t *claimed = kj_doc_with(row->doc, &changes);
    bson_destroy(&changes);
    int rc = kj_memory_put(run, row, claimed, row->workspace);
    bson_destroy(claimed);
    if (rc == 0)
        kj_store_add_doc(run->op, bson_copy(row->doc));
    return rc;
}

int kj_memory_claim(struct kj_memory_run *run)
{
    struct kj_store_op *op = run->op;
    struct kj_memory_db *db = run->db;
    int64_t limit = kj_store_limit(op);
    int rc = 0;
    size_t behind;
    for (size_t first = 0; first < db->n_levels && rc == 0; first = behind) {
        struct kj_row *row;
        while (rc == 0 && (int64_t)op->n_docs < limit && (row = next_due(run, first)))
            rc = take(run, row);
        for (behind = first + 1;
             behind < db->n_levels && db->levels[behind]->priority == db->levels[first]->priority;)
            behind++;
    }
    op->new_id = op->new_version = 0;
    op->next_due = INT64_MAX;
    for (size_t i = 0; i < db->n_levels; i++) {
        const struct kj_heap_node *node = kj_heap_peek(&db->levels[i]->due);
        if (node && node->key < op->next_due && wanted(op, db->levels[i]))
            op->next_due = node->key;
    }
    return rc;
}

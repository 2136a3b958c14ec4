// command.list: every command with its summary, scope and schemas: the manual, from the same files
// that check each request.
#include "api/commands.h"
#include "api/documents.h"

#include "doc/schema.h"

#include <stdio.h>

static void put_command(struct kj_doc_list *list, const struct kj_command *command, bool whole)
{
    char name[96];
    bson_t row = BSON_INITIALIZER;
    snprintf(name, sizeof name, "commands/%s", command->name);
    const bson_t *about = kj_schema_source(name);
    kj_doc_put_text(&row, "name", command->name);
    kj_doc_put_from(&row, "summary", about, "summary");
    kj_doc_put_from(&row, "scope", about, "scope");
    if (whole) {
        kj_doc_put_from(&row, "request", about, "request");
        kj_doc_put_from(&row, "response", about, "response");
        kj_doc_put_from(&row, "examples", about, "examples");
    }
    kj_doc_put_doc(list->array, kj_doc_next(list), &row);
    bson_destroy(&row);
}

void kj_command_list(struct kj_request *request)
{
    const char *only = kj_doc_text(request->args, "name", NULL);
    bson_t *result = bson_new(), array = BSON_INITIALIZER;
    struct kj_doc_list list = {&array};
    for (size_t i = 0; i < kj_commands_count; i++)
        if (only == NULL || kj_streq(only, kj_commands[i].name))
            put_command(&list, &kj_commands[i],
                        only != NULL || kj_doc_bool(request->args, "whole", false));
    kj_doc_put_array(result, "commands", &array);
    bson_destroy(&array);
    if (list.count == 0) {
        bson_destroy(result);
        kj_reply_error(request, KJ_ENOTFOUND, "/name", "see command.list", "no such command");
    } else
        kj_reply_take(request, result);
}

// The functions behind `struct kejue_host`, by group. What each does is said in kejue_plugin.h.
#ifndef KJ_TABLE_H
#define KJ_TABLE_H

#include "abi/kejue_plugin.h"

// readers: table_doc.c
const char *kj_read_text(struct kejue_doc doc, const char *path, const char *fallback);
int64_t kj_read_integer(struct kejue_doc doc, const char *path, int64_t fallback);
double kj_read_real(struct kejue_doc doc, const char *path, double fallback);
int kj_read_boolean(struct kejue_doc doc, const char *path, int fallback);
struct kejue_doc kj_read_bytes(struct kejue_doc doc, const char *path);
struct kejue_doc kj_read_child(struct kejue_doc doc, const char *path);
int kj_read_has(struct kejue_doc doc, const char *path);
int kj_read_each(struct kejue_doc doc, const char *path,
                 int (*visit)(void *arg, const char *key, const char *text, struct kejue_doc child),
                 void *arg);
size_t kj_read_to_json(struct kejue_doc doc, char *buffer, size_t size);

// builder: table_build.c
struct kejue_builder *kj_build(struct kejue_ctx *ctx);
void kj_build_text(struct kejue_builder *b, const char *key, const char *value);
void kj_build_integer(struct kejue_builder *b, const char *key, int64_t value);
void kj_build_real(struct kejue_builder *b, const char *key, double value);
void kj_build_boolean(struct kejue_builder *b, const char *key, int value);
void kj_build_time(struct kejue_builder *b, const char *key, int64_t wall_ms);
void kj_build_bytes(struct kejue_builder *b, const char *key, const void *bytes, size_t length);
void kj_build_doc(struct kejue_builder *b, const char *key, struct kejue_doc value);
void kj_build_array(struct kejue_builder *b, const char *key, struct kejue_doc value);
void kj_build_from(struct kejue_builder *b, const char *key, struct kejue_doc from,
                   const char *path);
int kj_build_json(struct kejue_builder *b, const char *key, const char *json, size_t length);
void kj_build_begin_doc(struct kejue_builder *b, const char *key);
void kj_build_begin_array(struct kejue_builder *b, const char *key);
void kj_build_end(struct kejue_builder *b);
struct kejue_doc kj_built(struct kejue_builder *b);
void kj_build_drop(struct kejue_builder *b);

#endif

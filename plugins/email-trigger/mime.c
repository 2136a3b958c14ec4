// The MIME reader: raw bytes to struct mail, with gmime.
//
// gmime parses recursively and reads any size, so the bytes are judged before it sees them, and
// parts and depth again while walking. Forwarded messages are not looked into: their leads were
// sent to somebody else.
#include "mail.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>

void mail_init(void)
{
    g_mime_init(); // counted; never shut down, since other instances may live
}

static int refuse(struct mail *mail, const char *reason)
{
    if (!mail->refusal[0])
        snprintf(mail->refusal, sizeof mail->refusal, "%s", reason);
    return -1;
}

// --- before gmime ---

static size_t header_length(const char *bytes, size_t length)
{
    for (size_t i = 0; i + 1 < length; i++)
        if (bytes[i] == '\n' && (bytes[i + 1] == '\n' ||
                                 (bytes[i + 1] == '\r' && i + 2 < length && bytes[i + 2] == '\n')))
            return i;
    return length;
}

// Each nested part must name its type somewhere: that bounds the parser's recursion.
static int count_types(const char *bytes, size_t length)
{
    int count = 0;
    for (size_t i = 0; i + 10 < length; i++) {
        if ((bytes[i] | 32) != 'm')
            continue;
        count += g_ascii_strncasecmp(bytes + i, "multipart/", 10) == 0 ||
                 g_ascii_strncasecmp(bytes + i, "message/", 8) == 0;
    }
    return count;
}

// --- text ---

static char *convert(const char *bytes, size_t length, const char *charset)
{
    char *text = g_convert(bytes, (gssize)length, "UTF-8", charset, NULL, NULL, NULL);
    if (text && !g_utf8_validate(text, -1, NULL)) {
        g_free(text);
        text = NULL;
    }
    return text;
}

// To UTF-8: a byte order mark decides, then the declared character set, then what the bytes can be.
static char *to_utf8(const char *bytes, size_t length, const char *charset)
{
    char *text = NULL;
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return to_utf8(bytes + 3, length - 3, "utf-8");
    if (length >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0)
        return convert(bytes + 2, length - 2, "UTF-16LE");
    if (length >= 2 && memcmp(bytes, "\xfe\xff", 2) == 0)
        return convert(bytes + 2, length - 2, "UTF-16BE");
    if (charset && g_ascii_strcasecmp(charset, "us-ascii") != 0 &&
        g_ascii_strcasecmp(charset, "utf-8") != 0)
        text = convert(bytes, length, charset);
    if (!text && g_utf8_validate(bytes, (gssize)length, NULL))
        text = g_strndup(bytes, length);
    if (!text) // the bytes 0x81, 0x8d … of no character set at all remain a refusal
        text = convert(bytes, length, "WINDOWS-1252");
    return text;
}

static char *part_text(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content)
        return NULL;
    GMimeStream *stream = g_mime_stream_mem_new();
    char *text = NULL;
    if (g_mime_data_wrapper_write_to_stream(content, stream) >= 0) {
        GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
        if (!bytes->len || !memchr(bytes->data, 0, bytes->len) || bytes->data[0] >= 0xfe)
            text = to_utf8(bytes->len ? (char *)bytes->data : "", bytes->len,
                           g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset"));
    }
    g_object_unref(stream);
    return text;
}

static char *without_returns(char *text)
{
    char *to = text;
    for (char *from = text; from && *from; from++)
        if (*from != '\r')
            *to++ = *from;
    if (to)
        *to = '\0';
    return text;
}

// --- parts ---

struct walk {
    struct mail *mail;
    int parts;
};

static int is_csv(GMimePart *part)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    const char *name = g_mime_part_get_filename(part);
    size_t length = name ? strlen(name) : 0;
    return g_mime_content_type_is_type(type, "text", "csv") ||
           g_mime_content_type_is_type(type, "application", "csv") ||
           g_mime_content_type_is_type(type, "text", "comma-separated-values") ||
           (length > 4 && g_ascii_strcasecmp(name + length - 4, ".csv") == 0);
}

static int take_part(struct walk *walk, GMimePart *part)
{
    struct mail *mail = walk->mail;
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    if (is_csv(part)) {
        if (mail->csv)
            return refuse(mail, "several_csv");
        mail->csv = part_text(part);
        return mail->csv ? 0 : refuse(mail, "csv_not_text");
    }
    if (!mail->body && g_mime_content_type_is_type(type, "text", "plain") &&
        !g_mime_part_is_attachment(part))
        mail->body = without_returns(part_text(part));
    return 0;
}

static int walk_object(struct walk *walk, GMimeObject *object, int depth)
{
    if (++walk->parts > MAIL_MAX_PARTS)
        return refuse(walk->mail, "too_many_parts");
    if (depth > MAIL_MAX_DEPTH)
        return refuse(walk->mail, "too_deep");
    if (GMIME_IS_MULTIPART(object)) {
        int count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
        for (int i = 0; i < count; i++) {
            GMimeObject *part = g_mime_multipart_get_part(GMIME_MULTIPART(object), i);
            if (walk_object(walk, part, depth + 1) != 0)
                return -1;
        }
        return 0;
    }
    return GMIME_IS_PART(object) ? take_part(walk, GMIME_PART(object)) : 0;
}

// --- headers ---

static int header_count(GMimeMessage *message, const char *name)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    int count = 0;
    for (int i = 0; i < g_mime_header_list_get_count(list); i++)
        count += g_ascii_strcasecmp(
                     g_mime_header_get_name(g_mime_header_list_get_header_at(list, i)), name) == 0;
    return count;
}

static int is_auto_reply(GMimeMessage *message)
{
    GMimeObject *object = GMIME_OBJECT(message);
    const char *submitted = g_mime_object_get_header(object, "Auto-Submitted");
    const char *precedence = g_mime_object_get_header(object, "Precedence");
    const char *path = g_mime_object_get_header(object, "Return-Path");
    GMimeObject *root = g_mime_message_get_mime_part(message);
    if (submitted && g_ascii_strncasecmp(submitted, "no", 2) != 0)
        return 1;
    if (precedence && (g_ascii_strcasecmp(precedence, "bulk") == 0 ||
                       g_ascii_strcasecmp(precedence, "junk") == 0 ||
                       g_ascii_strcasecmp(precedence, "auto_reply") == 0))
        return 1;
    if (path && strcmp(path, "<>") == 0)
        return 1;
    return root &&
           g_mime_content_type_is_type(g_mime_object_get_content_type(root), "multipart", "report");
}

// Every Authentication-Results header of our own server must say dmarc=pass; others may be forged.
static int is_vouched(GMimeMessage *message, const char *authserv_id)
{
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    size_t length = authserv_id ? strlen(authserv_id) : 0;
    int passed = 0;
    for (int i = 0; length && i < g_mime_header_list_get_count(list); i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
        const char *value = g_mime_header_get_value(header);
        if (!value ||
            g_ascii_strcasecmp(g_mime_header_get_name(header), "Authentication-Results") != 0)
            continue;
        value += strspn(value, " \t\r\n");
        if (g_ascii_strncasecmp(value, authserv_id, length) != 0 || !strchr("; \t", value[length]))
            continue;
        char *lower = g_ascii_strdown(value, -1);
        const char *word = strstr(lower, "dmarc=pass");
        passed = word && !strchr("abcdefghijklmnopqrstuvwxyz", word[10]) ? passed + 1 : -1;
        g_free(lower);
        if (passed < 0)
            return 0;
    }
    return passed > 0;
}

static int take_from(GMimeMessage *message, struct mail *mail)
{
    InternetAddressList *list = g_mime_message_get_from(message);
    if (header_count(message, "From") == 0)
        return refuse(mail, "no_from");
    if (header_count(message, "From") != 1 || !list || internet_address_list_length(list) != 1)
        return refuse(mail, "not_one_from");
    InternetAddress *address = internet_address_list_get_address(list, 0);
    const char *text = INTERNET_ADDRESS_IS_MAILBOX(address)
                           ? internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address))
                           : NULL;
    if (!text || !strchr(text, '@') || strlen(text) > 320)
        return refuse(mail, "not_one_from");
    mail->from = g_ascii_strdown(text, -1);
    return 0;
}

static int take_message_id(GMimeMessage *message, struct mail *mail)
{
    const char *id = g_mime_message_get_message_id(message);
    if (header_count(message, "Message-ID") != 1 || !id || !*id || strlen(id) > 998 ||
        !g_utf8_validate(id, -1, NULL))
        return refuse(mail, "no_message_id");
    char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, id, -1);
    mail->message_id = g_strdup(id);
    mail->hash = g_strndup(sum, 32);
    g_free(sum);
    return 0;
}

static int take_message(GMimeMessage *message, const char *authserv_id, struct mail *mail)
{
    const char *subject = g_mime_message_get_subject(message);
    GMimeObject *root = g_mime_message_get_mime_part(message);
    struct walk walk = {mail, 0};
    mail->subject = g_utf8_make_valid(subject ? subject : "", -1);
    mail->auto_reply = is_auto_reply(message);
    mail->vouched = is_vouched(message, authserv_id);
    if (take_from(message, mail) != 0 || take_message_id(message, mail) != 0)
        return -1;
    return root ? walk_object(&walk, root, 1) : 0;
}

int mail_parse(const char *bytes, size_t length, const char *authserv_id, struct mail *mail)
{
    *mail = (struct mail){0};
    if (length > MAIL_MAX_BYTES)
        return refuse(mail, "too_large");
    if (header_length(bytes, length) > MAIL_MAX_HEADER)
        return refuse(mail, "headers_too_large");
    if (count_types(bytes, length) > MAIL_MAX_PARTS)
        return refuse(mail, "too_many_parts");
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    int status = message ? take_message(message, authserv_id, mail) : refuse(mail, "not_a_mail");
    if (message)
        g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
    return status;
}

void mail_fini(struct mail *mail)
{
    g_free(mail->message_id);
    g_free(mail->hash);
    g_free(mail->from);
    g_free(mail->subject);
    g_free(mail->csv);
    g_free(mail->body);
    *mail = (struct mail){0};
}

void mail_clip(char *text)
{
    const char *end;
    if (!g_utf8_validate(text, -1, &end))
        text[end - text] = '\0';
}

// --- does it fit? ---

int mail_from_listed(const char *from, char *const *senders)
{
    const char *domain = strrchr(from, '@');
    for (; *senders; senders++)
        if (g_ascii_strcasecmp(from, *senders) == 0 ||
            ((*senders)[0] == '@' && domain && g_ascii_strcasecmp(domain, *senders) == 0))
            return 1;
    return 0;
}

int mail_subject_has(const char *subject, const char *needle)
{
    if (!needle || !*needle)
        return 1;
    char *folded = g_utf8_casefold(subject, -1), *wanted = g_utf8_casefold(needle, -1);
    int has = strstr(folded, wanted) != NULL;
    g_free(folded);
    g_free(wanted);
    return has;
}

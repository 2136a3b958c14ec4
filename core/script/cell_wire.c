// Frames between host and cell. One system call each way for all that is usual: a document is sent
// together with its head, and read into a buffer that is larger than most frames.
#include "script/cell.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { READ_AHEAD = 64 * 1024 };

int kj_cell_send(int fd, int32_t kind, const void *bytes, size_t length)
{
    struct kj_cell_head head = {.kind = kind, .length = (uint32_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t left = sizeof head + length;
    if (length > KJ_CELL_MOST) {
        return -1;
    }
    while (left > 0) {
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return -1;
        }
        left -= (size_t)sent;
        for (size_t i = 0; i < 2; i++) {
            size_t gone = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + gone;
            parts[i].iov_len -= gone;
            sent -= (ssize_t)gone;
        }
    }
    return 0;
}

// Reads until `buf` holds `wanted` bytes.
static int fill(int fd, struct kj_buf *buf, size_t wanted)
{
    while (buf->length < wanted) {
        size_t room = wanted - buf->length;
        room = room < READ_AHEAD ? READ_AHEAD : room;
        char *to = kj_buf_room(buf, room);
        ssize_t got = to ? recv(fd, to, room, 0) : -1;
        if (got < 0 && to && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return -1;
        }
        buf->length += (size_t)got;
    }
    return 0;
}

int kj_cell_receive(int fd, struct kj_buf *buf, struct kj_cell_head *head)
{
    kj_buf_reset(buf);
    if (fill(fd, buf, sizeof *head) != 0) {
        return -1;
    }
    memcpy(head, buf->data, sizeof *head);
    // One request, one answer: more than the frame is none.
    bool whole = head->length <= KJ_CELL_MOST && fill(fd, buf, sizeof *head + head->length) == 0 &&
                 buf->length == sizeof *head + head->length;
    return whole ? 0 : -1;
}

#include "module/worker/frame.h"

#include <string.h>

void frame_put(struct buf *out, enum frame_type type, const void *head, size_t head_length,
               const char *const *texts) {
    struct frame_head frame = {.type = (uint32_t)type};
    size_t start = out->length;
    buf_add(out, &frame, sizeof frame);
    buf_add(out, head, head_length);
    for (; texts && *texts; texts++)
        buf_add(out, *texts, strlen(*texts) + 1);
    frame.length = (uint32_t)(out->length - start - sizeof frame);
    memcpy(out->data + start, &frame, sizeof frame);
}

long frame_get(const char *data, size_t length, struct frame *ret) {
    struct frame_head head;
    if (length < sizeof head)
        return 0;
    memcpy(&head, data, sizeof head);
    if (head.type > FRAME_OUTCOME || head.length > FRAME_MAX)
        return -1;
    if (length - sizeof head < head.length)
        return 0;
    *ret = (struct frame){(enum frame_type)head.type, data + sizeof head, head.length};
    return (long)(sizeof head + head.length);
}

bool frame_read(const struct frame *frame, void *head, size_t head_length, const char **texts,
                size_t count) {
    if (frame->length < head_length)
        return false;
    memcpy(head, frame->bytes, head_length);
    const char *at = frame->bytes + head_length, *end = frame->bytes + frame->length;
    for (size_t i = 0; i < count; i++) {
        const char *nul = at < end ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        if (!nul)
            return false;
        texts[i] = at;
        at = nul + 1;
    }
    return at == end;
}

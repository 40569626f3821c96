/* Handing listeners from one thread to another. */
#include "module/feed/private.h"

#include <sys/eventfd.h>
#include <unistd.h>

int mail_init(struct mail *mail) {
    pthread_mutex_init(&mail->lock, NULL);
    list_init(&mail->listeners);
    mail->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return mail->fd < 0 ? -1 : 0;
}

void mail_done(struct mail *mail) {
    if (mail->fd >= 0)
        close(mail->fd);
    pthread_mutex_destroy(&mail->lock);
}

void mail_ring(struct mail *mail) { eventfd_write(mail->fd, 1); }

void mail_put(struct mail *mail, struct listener *listener) {
    pthread_mutex_lock(&mail->lock);
    list_push_back(&mail->listeners, &listener->link);
    pthread_mutex_unlock(&mail->lock);
    mail_ring(mail);
}

void mail_take(struct mail *mail, struct list *ret) {
    eventfd_t notes;
    eventfd_read(mail->fd, &notes);
    pthread_mutex_lock(&mail->lock);
    list_move_all(ret, &mail->listeners);
    pthread_mutex_unlock(&mail->lock);
}

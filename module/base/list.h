/* Intrusive doubly linked list: the link lives in the element, a head is a link to itself when empty. */
#ifndef BASE_LIST_H
#define BASE_LIST_H
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define LIST_ENTRY(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
#define LIST_EACH(head, p)                                                \
    for (struct list *p = (head)->next, *p##_next = p->next; p != (head); \
         p = p##_next, p##_next = p->next) /* p itself may be removed */

static inline void list_init(struct list *head) { head->next = head->prev = head; }
static inline bool list_empty(const struct list *head) { return head->next == head; }
static inline void list_push_back(struct list *head, struct list *link) {
    link->prev = head->prev, link->next = head;
    head->prev->next = link, head->prev = link;
}
static inline void list_push_front(struct list *head, struct list *link) {
    list_push_back(head->next, link);
}
/* Leaves the link empty, so a second removal does nothing. */
static inline void list_remove(struct list *link) {
    link->prev->next = link->next, link->next->prev = link->prev;
    list_init(link);
}
static inline struct list *list_pop_front(struct list *head) {
    struct list *first = head->next;
    if (first == head)
        return NULL;
    /* The analyzer takes the element before, freed by now, for a neighbour of this one. */
    list_remove(first); /* NOLINT(clang-analyzer-unix.Malloc) */
    return first;
}
/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_move_all(struct list *to, struct list *from) {
    if (list_empty(from))
        return;
    from->next->prev = to->prev, to->prev->next = from->next;
    from->prev->next = to, to->prev = from->prev;
    list_init(from);
}
#endif

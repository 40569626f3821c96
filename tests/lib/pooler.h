/* A PgBouncer in transaction mode in front of a test database. It ends with the test program. */
#ifndef TESTS_LIB_POOLER_H
#define TESTS_LIB_POOLER_H

/* Conninfo of the same database through the pooler: each transaction may meet another of its two
 * sessions with the server. Lives until the program ends. */
const char *test_pooler(const char *conninfo);
#endif

/* Holds answers to the OpenAPI document: status, media type and every member of the body must be in
 * it. Include cmocka's friends and cmocka.h as well: what is not fails the test. */
#ifndef TESTS_LIB_CONTRACT_H
#define TESTS_LIB_CONTRACT_H
#include "tests/lib/http.h"

struct contract;

/* Reads the document that the server gives out. */
struct contract *contract_read(const char *base);
void contract_free(struct contract *contract);

struct contract_call {
    const char *operation;           /* its operationId */
    int status;                      /* that it must have */
    const char *token;               /* NULL: none */
    const char *tenant, *id, *query; /* for the path; query without "?" */
    const char *body;
    const char *const *headers;
};
/* Calls an operation and checks the answer. Returns the body; caller frees. */
char *contract_call(struct contract *contract, const struct contract_call *call);
/* Fails the test when an operation of the document was never called with success (2xx), but for
 * those named (last NULL), whose tests are elsewhere. */
void contract_check_all(struct contract *contract, const char *const *elsewhere);
#endif

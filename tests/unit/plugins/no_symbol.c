/* A shared object of something else. */
int no_symbol_at_all(void);

__attribute__((visibility("default"))) int no_symbol_at_all(void) { return 1; }

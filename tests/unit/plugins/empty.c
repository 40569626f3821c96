/* The symbol is there, and no class. */
#include <jobs.h>

JOB_CLASSES(NULL);

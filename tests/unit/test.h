/* SPDX-License-Identifier: MIT */
/* Helpers of the library's unit tests, which run on the machine that builds. */
#ifndef KSIG_LIB_TEST_H
#define KSIG_LIB_TEST_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(expr) do { \
	if (!(expr)) { \
		/* a sanitizer's report ends a process without a flush */ \
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
			#expr); \
		exit(1); \
	} \
} while (0)

#endif /* KSIG_LIB_TEST_H */

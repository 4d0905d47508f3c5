/* SPDX-License-Identifier: MIT */
/* Helpers for the library's unit tests, which run on the build machine. */
#ifndef KSIG_LIB_TEST_H
#define KSIG_LIB_TEST_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(expr) do { \
	if (!(expr)) { \
		/* stderr is unbuffered: a sanitizer ends a process without flushing stdout */ \
		fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, \
			#expr); \
		exit(1); \
	} \
} while (0)

#endif /* KSIG_LIB_TEST_H */

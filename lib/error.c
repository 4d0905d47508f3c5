// SPDX-License-Identifier: MIT
/* Error messages, and compatibility with callers compiled for other versions. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib.h"

#define SIZE_MOST 512

int ksig_fail(struct ksig_error *e, unsigned int column, int err,
	      const char *fmt, ...)
{
	va_list ap;

	if (e && e->buf && e->size) {
		va_start(ap, fmt);
		vsnprintf(e->buf, e->size, fmt, ap);
		va_end(ap);
	}
	if (e && e->column)
		*e->column = column;
	return -err;
}

int ksig_take_opts(void *to, size_t size, const void *from, size_t sz)
{
	const unsigned char *bytes = from;
	size_t i;

	if (sz < sizeof(size_t))
		return -EINVAL;
	for (i = size; i < sz; i++) {
		if (bytes[i])
			return -EINVAL;
	}
	memset(to, 0, size);
	memcpy(to, from, sz < size ? sz : size);
	return 0;
}

int ksig_give(void *to, const void *from, size_t size)
{
	size_t sz = *(const size_t *)to;

	/* no structure is this large, so the caller has not initialized sz */
	if (sz < sizeof(size_t) || sz > SIZE_MOST)
		return -EINVAL;
	memset(to, 0, sz);
	memcpy(to, from, sz < size ? sz : size);
	*(size_t *)to = sz;
	return 0;
}

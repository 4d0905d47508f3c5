// SPDX-License-Identifier: MIT
/* Parses the values of settings: times and sizes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

/**
 * struct setting_unit - a unit of a number
 * @name: what follows the number
 * @factor: how many of the smallest unit it contains
 */
struct setting_unit {
	const char *name;
	uint64_t factor;
};

/* Parses digits and a unit. The result is UINT64_MAX if it would be greater. */
static const char *setting_parse(const char *s, const struct setting_unit *units, uint64_t *n)
{
	const struct setting_unit *unit;
	size_t len;
	char *end;

	if (*s < '0' || *s > '9')
		return NULL;
	*n = strtoull(s, &end, 10);
	for (unit = units; unit->name; unit++) {
		len = strlen(unit->name);
		if (strncmp(end, unit->name, len))
			continue;
		if (__builtin_mul_overflow(*n, unit->factor, n))
			*n = UINT64_MAX;
		return end + len;
	}
	return NULL;
}

const char *ksig_setting_time(const char *s, uint64_t *us)
{
	static const struct setting_unit units[] = {
		{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "min", 60000000 },
		{ "h", 3600000000ULL }, { },
	};

	return setting_parse(s, units, us);
}

const char *ksig_setting_size(const char *s, uint64_t *bytes)
{
	static const struct setting_unit units[] = {
		{ "K", 1ULL << 10 }, { "M", 1ULL << 20 }, { "G", 1ULL << 30 },
		{ "T", 1ULL << 40 }, { "", 1 }, { },
	};

	return setting_parse(s, units, bytes);
}

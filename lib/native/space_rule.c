// SPDX-License-Identifier: MIT
/*
 * When a file system counts as full, and how often its free space has to be read.
 *
 * A file system becomes full when less than "below" is free, and stays full until more than "above"
 * is free, so that a file system near the threshold doesn't cause an event at each read. By
 * default, the interval is the time in which writing RATE bytes per second would bring the free
 * space down to "below", but 1 s to 60 s; 5 s if the file system is full.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "space.h"

#define RATE 1000000000ULL
#define SECOND_NS 1000000000LL
#define LEAST_NS SECOND_NS
#define MOST_NS (60 * SECOND_NS)
/* A full file system can become free at once. */
#define FULL_NS (5 * SECOND_NS)
#define EVERY_LEAST_US 10000
#define EVERY_MOST_US 86400000000ULL

/* Parses a percentage with at most two decimals. Return: in hundredths of a percent; 0 if invalid. */
static unsigned int rule_parse_percent(const char *s)
{
	unsigned int percent = 0, decimals = 0;
	const char *point = NULL;

	for (; (*s >= '0' && *s <= '9') || (*s == '.' && !point); s++) {
		if (*s == '.') {
			point = s;
			continue;
		}
		decimals += point != NULL;
		if (decimals > 2 || percent > 10000)
			return 0;
		percent = percent * 10 + *s - '0';
	}
	for (; decimals < 2; decimals++)
		percent *= 10;
	return !strcmp(s, "%") && percent < 10000 ? percent : 0;
}

/* Parses "5%", "2.5%" or a size such as "10G". */
static int rule_parse_limit(const struct ksig_cond *c, struct ksig_space_limit *limit,
			    struct ksig_error *e)
{
	const char *end;

	*limit = (struct ksig_space_limit) { };
	end = ksig_setting_size(c->text, &limit->bytes);
	if (end && !*end && limit->bytes && limit->bytes < UINT64_MAX / 2)
		return 0;
	limit->bytes = 0;
	limit->percent = rule_parse_percent(c->text);
	if (limit->percent)
		return 0;
	return ksig_fail(e, c->text_column, EINVAL,
			 "invalid amount '%s': expected a percentage from 0.01%% to 99.99%%, or a size such as 500M or 10G",
			 c->text);
}

int ksig_space_parse(struct ksig_space_rule *r, const struct ksig_spec *spec, struct ksig_error *e)
{
	const struct ksig_cond *path = ksig_spec_setting(spec, "path");
	const struct ksig_cond *below = ksig_spec_setting(spec, "below");
	const struct ksig_cond *above = ksig_spec_setting(spec, "above");
	const struct ksig_cond *every = ksig_spec_setting(spec, "every");
	const char *end;
	uint64_t us;
	int err;

	*r = (struct ksig_space_rule) {
		.path = path ? path->text : NULL,
		.path_column = path ? path->text_column : 0,
		.below.percent = 500,
		.exact = above,
	};
	err = below ? rule_parse_limit(below, &r->below, e) : 0;
	if (err)
		return err;
	r->above = (struct ksig_space_limit) {
		.percent = r->below.percent + r->below.percent / 5,
		.bytes = r->below.bytes + r->below.bytes / 5,
	};
	err = above ? rule_parse_limit(above, &r->above, e) : 0;
	if (err)
		return err;
	if (!r->above.percent != !r->below.percent)
		return ksig_fail(e, above->text_column, EINVAL,
				 "'above' and 'below' (default 5%%) must both be percentages, or both sizes");
	if (r->above.percent < r->below.percent || r->above.bytes < r->below.bytes)
		return ksig_fail(e, above->text_column, EINVAL,
				 "'above=%s' is less than 'below'", above->text);
	if (!every)
		return 0;
	end = ksig_setting_time(every->text, &us);
	if (!end || *end || us < EVERY_LEAST_US || us > EVERY_MOST_US)
		return ksig_fail(e, every->text_column, EINVAL,
				 "invalid interval '%s': expected 10ms to 24h, such as 30s",
				 every->text);
	r->every_ns = (int64_t)us * 1000;
	return 0;
}

bool ksig_space_same_rule(const struct ksig_space_rule *a, const struct ksig_space_rule *b)
{
	return a->below.percent == b->below.percent && a->below.bytes == b->below.bytes &&
	       a->above.percent == b->above.percent && a->above.bytes == b->above.bytes &&
	       a->exact == b->exact && a->every_ns == b->every_ns &&
	       (a->path && b->path ? !strcmp(a->path, b->path) : a->path == b->path);
}

static uint64_t rule_threshold(const struct ksig_space_limit *limit, uint64_t size)
{
	return limit->percent ? (uint64_t)((double)size * limit->percent / 10000) : limit->bytes;
}

uint64_t ksig_space_free(const struct statvfs *st)
{
	return (uint64_t)st->f_bavail * st->f_frsize;
}

int64_t ksig_space_apply(const struct ksig_space_rule *r, const struct statvfs *st, bool *full)
{
	/* without the space that is reserved for root, as in df(1) */
	uint64_t size = (st->f_blocks - st->f_bfree + st->f_bavail) * st->f_frsize;
	uint64_t free = ksig_space_free(st), margin;
	uint64_t below = rule_threshold(&r->below, size), above = rule_threshold(&r->above, size);

	/* so that a small file system can become free as well */
	if (!r->exact && size > below && above > below + (size - below) / 2)
		above = below + (size - below) / 2;
	if (free < below)
		*full = true;
	else if (free > above)
		*full = false;
	if (r->every_ns)
		return r->every_ns;
	if (*full)
		return FULL_NS;
	margin = (free - below) / RATE * SECOND_NS;
	return margin < LEAST_NS ? LEAST_NS : margin > MOST_NS ? MOST_NS : (int64_t)margin;
}

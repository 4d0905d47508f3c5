// SPDX-License-Identifier: MIT
/* Parses numbers and signal names from the command line. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"

/* The kernel's last real-time signal */
#define SIGNO_MAX 64

static int parse_unsigned(const char *s, int base, uint64_t *res)
{
	const char *digits = base == 16 ? "0123456789abcdefABCDEF" :
					  "0123456789";
	unsigned long long value;

	/* strtoull() also accepts blanks, signs and another 0x */
	if (!*s || s[strspn(s, digits)])
		return -EINVAL;
	errno = 0;
	value = strtoull(s, NULL, base);
	if (errno)
		return -EINVAL;
	*res = value;
	return 0;
}

int ksig_parse_count(const char *s, uint64_t *res)
{
	uint64_t count;

	if (parse_unsigned(s, 10, &count) || !count)
		return -EINVAL;
	*res = count;
	return 0;
}

int ksig_parse_pid(const char *s, pid_t *res)
{
	uint64_t pid;

	if (parse_unsigned(s, 10, &pid) || !pid || pid > INT_MAX)
		return -EINVAL;
	*res = pid;
	return 0;
}

int ksig_parse_value(const char *s, uint64_t *res)
{
	uint64_t value;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return parse_unsigned(s + 2, 16, res);
	if (s[0] != '-')
		return parse_unsigned(s, 10, res);
	if (parse_unsigned(s + 1, 10, &value) || value > (uint64_t)INT64_MAX + 1)
		return -EINVAL;
	*res = -value;
	return 0;
}

int ksig_parse_signo(const char *s, int *res)
{
	uint64_t number;
	int signo, base;

	if (isdigit((unsigned char)*s)) {
		if (parse_unsigned(s, 10, &number) || !number ||
		    number > SIGNO_MAX)
			return -EINVAL;
		*res = number;
		return 0;
	}
	if (!strncasecmp(s, "SIG", 3))
		s += 3;
	for (signo = 1; signo < SIGRTMIN; signo++) {
		const char *name = sigabbrev_np(signo);

		if (name && !strcasecmp(s, name)) {
			*res = signo;
			return 0;
		}
	}
	/* RTMIN, RTMIN+N, RTMAX, RTMAX-N */
	if (!strncasecmp(s, "RTMIN", 5))
		base = SIGRTMIN;
	else if (!strncasecmp(s, "RTMAX", 5))
		base = SIGRTMAX;
	else
		return -EINVAL;
	s += 5;
	number = 0;
	if (*s) {
		if (*s != (base == SIGRTMIN ? '+' : '-') ||
		    parse_unsigned(s + 1, 10, &number) ||
		    number > (uint64_t)(SIGRTMAX - SIGRTMIN))
			return -EINVAL;
	}
	*res = base == SIGRTMIN ? base + (int)number : base - (int)number;
	return 0;
}

const char *ksig_signal_name(int signo, char buf[KSIG_SIGNAME_MAX])
{
	const char *name = sigabbrev_np(signo);

	if (name)
		snprintf(buf, KSIG_SIGNAME_MAX, "%s", name);
	else if (signo == SIGRTMIN)
		snprintf(buf, KSIG_SIGNAME_MAX, "RTMIN");
	else if (signo > SIGRTMIN)
		snprintf(buf, KSIG_SIGNAME_MAX, "RTMIN+%d", signo - SIGRTMIN);
	else
		snprintf(buf, KSIG_SIGNAME_MAX, "%d", signo);
	return buf;
}

/*
 * Parses a time as sleep(1) does: "5", "1.5", "200ms", "2m". It must be more than 0, and at most
 * about 146 years.
 */
int ksig_parse_time(const char *s, int64_t *ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "", 1000000000LL }, { "s", 1000000000LL },
		{ "ms", 1000000 }, { "us", 1000 },
		{ "m", 60 * 1000000000LL }, { "h", 3600 * 1000000000LL },
		{ "d", 86400 * 1000000000LL },
	};
	size_t len = strspn(s, "0123456789."), i;
	char number[32], *end;
	int64_t unit = 0;
	double t;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(s + len, units[i].name))
			unit = units[i].ns;
	}
	if (!len || len >= sizeof(number) || !unit)
		return -EINVAL;
	memcpy(number, s, len);
	number[len] = '\0';
	t = strtod(number, &end);
	if (*end || t * unit < 1 || t * unit > (double)(INT64_MAX / 2))
		return -EINVAL;
	*ns = t * unit;
	return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Did a process begin before an event? /proc shows its start in clock ticks. Within one tick a
 * number can be reused. The kernel's taskstats have the age of a process in microseconds, but
 * reading them needs CAP_NET_ADMIN in the initial namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

#define ANSWER_MOST 4096
/* Attempts, if an answer takes too long to be exact */
#define TRIES 10
/* How far two clocks that are read one after the other may be off */
#define SLACK_NS 1000000

/* ------------------------------------------------------------------- taskstats */

struct request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr attr;
	char payload[16];
};

static int ask(int fd, uint16_t family, uint8_t cmd, uint16_t type,
	       const void *payload, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct request r = {
		.nlh = { .nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = cmd, .version = 1 },
		.attr = { .nla_type = type, .nla_len = NLA_HDRLEN + len },
	};

	memcpy(r.payload, payload, len);
	r.nlh.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) +
			  NLA_ALIGN(NLA_HDRLEN + len);
	return sendto(fd, &r, r.nlh.nlmsg_len, 0, (struct sockaddr *)&kernel,
		      sizeof(kernel)) < 0 ? -errno : 0;
}

/* The kernel answers before sendto(2) returns. Return: bytes of attributes */
static ssize_t answer(int fd, char *buf, const char **attrs)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	ssize_t len = recv(fd, buf, ANSWER_MOST, MSG_DONTWAIT);

	if (len < (ssize_t)NLMSG_LENGTH(GENL_HDRLEN) ||
	    nlh->nlmsg_len > (size_t)len || nlh->nlmsg_type == NLMSG_ERROR)
		return -ENOMSG;
	*attrs = buf + NLMSG_LENGTH(GENL_HDRLEN);
	return nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
}

/* The payload of the attribute, of @size bytes at least, or NULL */
static const char *find_attr(const char *attrs, ssize_t len, uint16_t type,
			     size_t size, size_t *found)
{
	const struct nlattr *a;

	for (; len >= NLA_HDRLEN; attrs += NLA_ALIGN(a->nla_len),
				  len -= NLA_ALIGN(a->nla_len)) {
		a = (const void *)attrs;
		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) != type)
			continue;
		*found = a->nla_len - NLA_HDRLEN;
		return *found < size ? NULL : attrs + NLA_HDRLEN;
	}
	return NULL;
}

/* Age of the process in microseconds */
static int read_age(int fd, uint16_t family, uint32_t pid, uint64_t *us)
{
	const size_t end = offsetof(struct taskstats, ac_etime) + sizeof(*us);
	_Alignas(8) char buf[ANSWER_MOST];
	const char *attrs, *nested, *stats = NULL;
	ssize_t len;
	size_t size;
	int err;

	err = ask(fd, family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &pid,
		  sizeof(pid));
	len = err ? err : answer(fd, buf, &attrs);
	nested = len < 0 ? NULL : find_attr(attrs, len, TASKSTATS_TYPE_AGGR_PID,
					    0, &size);
	if (nested)
		stats = find_attr(nested, size, TASKSTATS_TYPE_STATS, end,
				  &size);
	if (!stats)
		return -EOPNOTSUPP;
	memcpy(us, stats + offsetof(struct taskstats, ac_etime), sizeof(*us));
	/* a kernel without CONFIG_TASK_XACCT leaves all of that out */
	return stats[offsetof(struct taskstats, ac_comm)] ? 0 : -EOPNOTSUPP;
}

/* As ksig_started_before(). The age is that of a moment between two readings of the clock. */
static int by_taskstats(pid_t pid, uint64_t time_ns)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	uint64_t us, before, after;
	_Alignas(8) char buf[ANSWER_MOST];
	const char *attrs, *id = NULL;
	int i, ret = -ESTALE;
	uint16_t family;
	ssize_t len;
	size_t size;

	if (fd < 0)
		return -ESTALE;
	len = ask(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
		  TASKSTATS_GENL_NAME, sizeof(TASKSTATS_GENL_NAME));
	if (!len)
		len = answer(fd, buf, &attrs);
	if (len >= 0)
		id = find_attr(attrs, len, CTRL_ATTR_FAMILY_ID, sizeof(family), &size);
	if (id)
		memcpy(&family, id, sizeof(family));
	for (i = 0; id && ret == -ESTALE && i < TRIES; i++) {
		before = ksig_now();
		if (read_age(fd, family, pid, &us))
			break;
		after = ksig_now();
		if (after - us * 1000 <= time_ns)
			ret = 1;
		else if (before - (us + 1) * 1000 > time_ns)
			ret = 0;
	}
	close(fd);
	return ret;
}

/* ------------------------------------------------------------------------ /proc */

/* "PID (COMM) STATE ...": a name may hold blanks; the 22nd field is the start */
static bool read_start(pid_t pid, uint64_t *ticks)
{
	char path[32], line[1024], *at = NULL;
	unsigned long long start;
	int field;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(line, sizeof(line), f))
		at = strrchr(line, ')');
	fclose(f);
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &start) != 1)
		return false;
	*ticks = start;
	return true;
}

int ksig_started_before(pid_t pid, uint64_t time_ns)
{
	uint64_t tick = 1000000000 / sysconf(_SC_CLK_TCK), start, at;
	int64_t before, took = SLACK_NS;
	struct timespec boot;
	int i;

	/* CLOCK_BOOTTIME less CLOCK_MONOTONIC is the time for which the machine slept */
	for (i = 0; i < TRIES && took >= SLACK_NS; i++) {
		before = ksig_now();
		clock_gettime(CLOCK_BOOTTIME, &boot);
		took = ksig_now() - before;
		at = time_ns + boot.tv_sec * 1000000000LL + boot.tv_nsec - before;
	}
	if (took < SLACK_NS && read_start(pid, &start)) {
		/* rounded down: it began within that tick */
		if ((start + 1) * tick + SLACK_NS <= at)
			return 1;
		if (start * tick > at + SLACK_NS)
			return 0;
	}
	return by_taskstats(pid, time_ns);
}

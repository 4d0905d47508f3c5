// SPDX-License-Identifier: MIT
/*
 * Determines whether a process started before an event. /proc shows the start time in clock ticks,
 * and a pid can be reused within one tick. The kernel's taskstats report the age of a process in
 * microseconds, but reading them requires CAP_NET_ADMIN in the initial namespaces.
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
/* Maximum number of attempts if the clock readings are too far apart to be exact */
#define TRIES 10
/* Tolerance for two clocks that are read one after the other */
#define SLACK_NS 1000000

/* ------------------------------------------------------------------- taskstats */

struct request {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	struct nlattr attr;
	char payload[16];
};

/**
 * struct session - a generic netlink socket
 * @fd: the socket
 * @family: ID of the family
 * @buf: the last reply
 */
struct session {
	int fd;
	uint16_t family;
	_Alignas(8) char buf[ANSWER_MOST];
};

/* Return: the payload of an attribute, with its size in *@size; or NULL. */
static const char *find_attr(const char *attrs, ssize_t len, uint16_t type,
			     size_t *size)
{
	const struct nlattr *a;

	for (; len >= NLA_HDRLEN; attrs += NLA_ALIGN(a->nla_len),
				  len -= NLA_ALIGN(a->nla_len)) {
		a = (const void *)attrs;
		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) != type)
			continue;
		*size = a->nla_len - NLA_HDRLEN;
		return attrs + NLA_HDRLEN;
	}
	return NULL;
}

/*
 * Sends @cmd with one attribute.
 * Return: the payload of the attribute @wanted in the reply, with its size in *@size; or NULL.
 */
static const char *ask(struct session *s, uint8_t cmd, uint16_t type,
		       const void *payload, size_t len, uint16_t wanted, size_t *size)
{
	const struct nlmsghdr *nlh = (const void *)s->buf;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct request r = {
		.nlh = { .nlmsg_type = s->family, .nlmsg_flags = NLM_F_REQUEST },
		.genl = { .cmd = cmd, .version = 1 },
		.attr = { .nla_type = type, .nla_len = NLA_HDRLEN + len },
	};
	ssize_t got;

	memcpy(r.payload, payload, len);
	r.nlh.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) +
			  NLA_ALIGN(NLA_HDRLEN + len);
	if (sendto(s->fd, &r, r.nlh.nlmsg_len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return NULL;
	/* the kernel replies before sendto(2) returns */
	got = recv(s->fd, s->buf, sizeof(s->buf), MSG_DONTWAIT);
	if (got < (ssize_t)NLMSG_LENGTH(GENL_HDRLEN) ||
	    nlh->nlmsg_len > (size_t)got || nlh->nlmsg_type == NLMSG_ERROR)
		return NULL;
	return find_attr(s->buf + NLMSG_LENGTH(GENL_HDRLEN),
			 nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), wanted, size);
}

/*
 * Like ksig_started_before(), but uses taskstats. The kernel computes the age of the process at
 * some time between our two readings of the clock.
 */
static int by_taskstats(pid_t pid, uint64_t time_ns)
{
	const size_t end = offsetof(struct taskstats, ac_etime) + sizeof(uint64_t);
	struct session s = { .family = GENL_ID_CTRL };
	uint64_t us, before, after;
	int i, ret = -ESTALE;
	const char *found;
	size_t size;

	s.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (s.fd < 0)
		return -ESTALE;
	found = ask(&s, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME,
		    sizeof(TASKSTATS_GENL_NAME), CTRL_ATTR_FAMILY_ID, &size);
	if (!found || size < sizeof(s.family))
		goto close;
	memcpy(&s.family, found, sizeof(s.family));
	for (i = 0; ret == -ESTALE && i < TRIES; i++) {
		before = ksig_now();
		found = ask(&s, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &pid,
			    sizeof(pid), TASKSTATS_TYPE_AGGR_PID, &size);
		if (found)
			found = find_attr(found, size, TASKSTATS_TYPE_STATS, &size);
		/* kernels without CONFIG_TASK_XACCT do not fill in the name and the age */
		if (!found || size < end || !found[offsetof(struct taskstats, ac_comm)])
			break;
		/* the age in microseconds, rounded down */
		memcpy(&us, found + offsetof(struct taskstats, ac_etime), sizeof(us));
		after = ksig_now();
		if (after - us * 1000 <= time_ns)
			ret = 1;
		else if (before - (us + 1) * 1000 > time_ns)
			ret = 0;
	}
close:
	close(s.fd);
	return ret;
}

/* ------------------------------------------------------------------------ /proc */

int ksig_started_before(pid_t pid, uint64_t time_ns)
{
	uint64_t tick = 1000000000 / sysconf(_SC_CLK_TCK), at = 0;
	char path[32], line[1024], *s = NULL;
	int64_t before, took = SLACK_NS;
	unsigned long long start;
	struct timespec boot;
	int i, field;
	FILE *f;

	/*
	 * Convert @time_ns to CLOCK_BOOTTIME, the clock of the start times in /proc. Retry if the
	 * two clocks were not read close together.
	 */
	for (i = 0; i < TRIES && took >= SLACK_NS; i++) {
		before = ksig_now();
		clock_gettime(CLOCK_BOOTTIME, &boot);
		took = ksig_now() - before;
		at = time_ns + boot.tv_sec * 1000000000LL + boot.tv_nsec - before;
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	/* "PID (COMM) STATE ...": the name may contain blanks; field 22 is the start time */
	if (f && fgets(line, sizeof(line), f))
		s = strrchr(line, ')');
	if (f)
		fclose(f);
	for (field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	if (took < SLACK_NS && s && sscanf(s, " %llu", &start) == 1) {
		/* the start time is rounded down to a tick */
		if ((start + 1) * tick + SLACK_NS <= at)
			return 1;
		if (start * tick > at + SLACK_NS)
			return 0;
	}
	return by_taskstats(pid, time_ns);
}

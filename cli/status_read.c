// SPDX-License-Identifier: MIT
/* Reads the memfds in which libksig publishes the status of subscriptions. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/status.h"
#include "cli.h"

#define LINK "/memfd:" KSIG_STATUS_NAME " (deleted)"

static bool read_seq(int fd, uint64_t *seq)
{
	ssize_t n = pread(fd, seq, sizeof(*seq),
			  offsetof(struct ksig_status, seq));

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return n == sizeof(*seq);
}

/*
 * Reads a consistent copy if possible. If the writer never pauses, or was killed while writing, the
 * copy may be inconsistent.
 */
static bool read_status(int fd, struct ksig_status *s)
{
	uint64_t before, after;
	int tries = 100;

	do {
		if (!read_seq(fd, &before) ||
		    pread(fd, s, sizeof(*s), 0) != sizeof(*s))
			return false;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!read_seq(fd, &after))
			return false;
	} while ((before & 1 || before != after) && --tries);
	return true;
}

int ksig_status_read(const char *path, struct ksig_status *s)
{
	const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	char name[sizeof(LINK) + 1], again[32];
	ssize_t len = readlink(path, name, sizeof(name));
	int fd, own, opened, ret = -ENOENT;
	struct statx st, own_st;

	if (len < 0)
		return -errno;
	if (len != sizeof(LINK) - 1 || memcmp(name, LINK, len))
		return -ENOENT;
	/*
	 * Any file can have this name, including a device or a file on a FUSE mount. Open only
	 * memfds: all memfds of the system are on one internal mount, which contains nothing else.
	 */
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	own = memfd_create(KSIG_STATUS_NAME, MFD_CLOEXEC);
	if (own < 0 || statx(fd, "", flags, STATX_MNT_ID, &st) ||
	    statx(own, "", flags, STATX_MNT_ID, &own_st) ||
	    st.stx_mnt_id != own_st.stx_mnt_id)
		goto close_fd;
	/* O_NONBLOCK: do not wait for a process that has a lease on the file */
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	opened = open(again, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (opened < 0) {
		ret = -errno;
		goto close_fd;
	}
	if (!read_status(opened, s))
		goto close_opened;
	s->provider[sizeof(s->provider) - 1] = '\0';
	s->event[sizeof(s->event) - 1] = '\0';
	if (!memcmp(s->magic, KSIG_STATUS_MAGIC, sizeof(s->magic)) &&
	    *s->event && (!strcmp(s->provider, "module") ||
			  !strcmp(s->provider, "bpf") ||
			  !strcmp(s->provider, "native")))
		ret = 0;
close_opened:
	close(opened);
close_fd:
	if (own >= 0)
		close(own);
	close(fd);
	return ret;
}

// SPDX-License-Identifier: MIT
/*
 * Publishes a struct ksig_status for each stream of a subscription, in a memfd that `ksig status`
 * reads. The library itself never reads the memfd. The thread that uses the subscription writes the
 * structure, under the relay's lock if there is a relay. A child created by fork(2) may only close
 * the subscription, so it does not write the structure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider.h"
#include "status.h"

_Static_assert(sizeof(struct ksig_status) == 392,
	       "another version of the library reads it");

void ksig_status_open(struct ksig_stream *stream, const char *event)
{
	int fd = memfd_create(KSIG_STATUS_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *map = MAP_FAILED;
	struct ksig_status *s;

	/* seal the size so that the file can't shrink under a reader's mapping */
	if (fd >= 0 && !ftruncate(fd, sizeof(*s)) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		stream->status_fd = fd;
		map = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	} else if (fd >= 0) {
		close(fd);
	}
	if (map == MAP_FAILED) {
		if (stream->opts->log)
			stream->opts->log(stream->opts->log_ctx,
					  "ksig status cannot list this subscription: cannot create a memfd");
		return;
	}
	s = map;
	stream->status = s;
	snprintf(s->provider, sizeof(s->provider), "%s",
		 stream->provider->name);
	snprintf(s->event, sizeof(s->event), "%s", event);
	s->fd = stream->provider->arm ? stream->fd : -1;
	if (stream->spec.n_conds)
		s->filter = ksig_spec_in_kernel(&stream->spec) ?
			    KSIG_STATUS_KERNEL : KSIG_STATUS_LIBRARY;
	/* a reader that sees the magic number also sees the members written before */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memcpy(s->magic, KSIG_STATUS_MAGIC, sizeof(s->magic));
}

void ksig_status_close(struct ksig_stream *stream)
{
	if (stream->status)
		munmap(stream->status, sizeof(*stream->status));
	if (stream->status_fd >= 0)
		close(stream->status_fd);
}

void ksig_status_update(struct ksig_status *s, const struct ksig_stats *st,
			uint64_t lost_upto, const struct ksig_arm_opts *arm)
{
	uint64_t seq = s->seq;

	__atomic_store_n(&s->seq, seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	s->stats = *st;
	s->lost_upto = lost_upto;
	if (arm) {
		s->target = arm->pid;
		s->signo = arm->signo;
		s->mode = arm->mode;
		s->flags = arm->flags;
	}
	__atomic_store_n(&s->seq, seq + 2, __ATOMIC_RELEASE);
}

// SPDX-License-Identifier: MIT
/*
 * The module provider reads ksig.ko's channels, /dev/ksig/NAME, including drivers' channels.
 *
 * If the node can be opened for writing, the provider maps a ring, reads events from the ring
 * without system calls, and uses poll(2) to wait while the ring is empty. Otherwise, and while
 * events are delivered by signal, the provider uses read(2).
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../load_hint.h"
#include "module.h"

/* Buffer size for read(2), large enough for many events */
#define READ_SIZE 16384

/**
 * struct module - a subscription to a channel
 * @event_size: size of a record, as reported by the kernel
 * @head: index of the next record to return
 * @tail: index up to which the producer is known to have written
 * @ring: the mapped ring; NULL if records are read with read(2)
 * @ring_size: size of the mapping, without the consumer's page
 * @consumer: the consumer's page
 * @records: first record of the ring
 * @len: number of records in the ring
 * @buf: buffer for records returned by read(2)
 * @used: number of bytes in @buf that have been returned
 * @filled: number of bytes in @buf
 * @owner: pid of the process that has the mapping. A child created by fork(2) does not inherit the
 *	mapping, and may have mapped something else at the same address.
 */
struct module {
	uint32_t event_size;
	uint32_t head;
	uint32_t tail;
	struct ksig_ring_producer *ring;
	size_t ring_size;
	struct ksig_ring_consumer *consumer;
	const char *records;
	uint32_t len;
	char *buf;
	size_t used;
	size_t filled;
	pid_t owner;
};

/* ------------------------------------------------------------------- opening */

/*
 * Opens the node read-write if permitted, because mapping the ring requires that.
 * Return: a descriptor or -errno.
 */
static int module_open_node(const char *channel, struct ksig_error *e)
{
	char path[sizeof(DEV) + KSIG_NAME_MAX];
	struct stat st;
	int fd, err;

	snprintf(path, sizeof(path), DEV "%s", channel);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	err = errno;
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		if (!access(CLASS, F_OK) || !access(DEV "control", F_OK))
			return ksig_fail(e, 0, EOPNOTSUPP,
					 "%s doesn't exist: this ksig.ko has no such channel",
					 path);
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "%s doesn't exist: ksig.ko is not loaded%s",
				 path, ksig_load_hint());
	case EOPNOTSUPP:
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "%s: not supported by this kernel (no hook for it)", path);
	case EACCES:
	case EPERM:
		if (!stat(path, &st) && st.st_gid)
			return ksig_fail(e, 0, err,
					 "cannot open %s: %s (requires root or group %u: try sudo, or join the group)",
					 path, strerror(err),
					 (unsigned int)st.st_gid);
		return ksig_fail(e, 0, err,
				 "cannot open %s: %s (requires root: try sudo)",
				 path, strerror(err));
	case ENOBUFS:
		return ksig_fail(e, 0, err,
				 "cannot open %s: its queue would exceed RLIMIT_MEMLOCK (see 'ulimit -l')",
				 path);
	}
	return ksig_fail(e, 0, err, "cannot open %s: %s", path, strerror(err));
}

static int module_check(const struct ksig_event_desc *d, struct ksig_error *e)
{
	int fd;

	if (!d->channel)
		return ksig_fail(e, 0, ENOENT, "ksig.ko has no event '%s'",
				 d->name);
	fd = module_open_node(d->channel, e);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* ------------------------------------------------------------------- records */

static void module_unmap(struct module *m)
{
	long page = sysconf(_SC_PAGESIZE);

	if (!m->ring || m->owner != getpid())
		return;
	munmap(m->ring, m->ring_size);
	munmap(m->consumer, page);
	m->ring = NULL;
}

/* Allows the kernel to overwrite the records before @head, which the caller has copied. */
static void module_publish_head(struct module *m)
{
	__atomic_store_n(&m->consumer->head, m->head, __ATOMIC_RELEASE);
}

static int module_next(struct ksig_stream *stream, const struct ksig_event **ev)
{
	struct module *m = stream->priv;
	uint32_t flags;
	ssize_t len;

	/* the buffer may still contain records that were read before the ring was mapped */
	if (m->ring && m->used == m->filled) {
		/*
		 * read the flags before @tail, because the kernel sets KSIG_RING_HUP after the last
		 * event
		 */
		flags = __atomic_load_n(&m->ring->flags, __ATOMIC_ACQUIRE);
		module_publish_head(m);
		if (m->head == m->tail) {
			/*
			 * Full barrier between the store of head and the load of tail. The kernel
			 * stores tail and loads head, so at least one side sees the other's store.
			 * A reader that finds no event here sleeps in poll(2), which checks the
			 * ring again.
			 */
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			m->tail = __atomic_load_n(&m->ring->tail, __ATOMIC_ACQUIRE);
		}
		if (m->head == m->tail)
			return flags & KSIG_RING_HUP ? -ESHUTDOWN : 0;
		*ev = (const void *)(m->records +
				     (size_t)(m->head % m->len) * m->event_size);
		m->head++;
		return 1;
	}
	if (m->used == m->filled) {
		len = read(stream->fd, m->buf, READ_SIZE);
		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (!len)
			return -ESHUTDOWN;
		m->used = 0;
		m->filled = len;
	}
	*ev = (const void *)(m->buf + m->used);
	m->used += m->event_size;
	return 1;
}

/* Return: whether the buffer contains records that module_next() has not returned yet. */
static bool module_has_buffered(const struct ksig_stream *stream)
{
	const struct module *m = stream->priv;

	return m->used != m->filled;
}

/* -------------------------------------------------------------- subscription */

static void module_close(struct ksig_stream *stream)
{
	struct module *m = stream->priv;

	module_unmap(m);
	close(stream->fd);
	free(m->buf);
	free(m);
}

/* Checks the ABI version of the module and subscribes. */
static int module_subscribe(struct ksig_stream *stream, struct module *m,
			    const struct ksig_cond *subject, struct ksig_error *e)
{
	const struct ksig_event_desc *d = stream->desc;
	struct ksig_subscribe s = {
		.types = 1ULL << d->type,
		.queue_len = stream->opts->queue_len ?: KSIG_QUEUE_DEFAULT,
	};
	struct ksig_info info;
	int err;

	if (ioctl(stream->fd, KSIG_IOC_INFO, &info))
		return ksig_fail(e, 0, errno, "ksig.ko: %s", strerror(errno));
	if (info.abi != KSIG_ABI)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "ksig.ko has ABI %u, this library requires %u: load the module that came with it",
				 info.abi, KSIG_ABI);
	if (info.event_size < d->event_size)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "records of %s have %u bytes, expected %u",
				 d->channel, info.event_size, d->event_size);
	m->event_size = info.event_size;
	if (subject) {
		s.flags = KSIG_SUBSCRIBE_SUBJECT;
		s.subject = subject->number;
	} else if (d->pids && stream->opts->flags & KSIG_SUB_SKIP_OWN) {
		s.flags = KSIG_SUBSCRIBE_SKIP_OWN;
	}
	if (!ioctl(stream->fd, KSIG_IOC_SUBSCRIBE, &s))
		return 0;
	err = errno;
	switch (err) {
	case ESRCH:
		return ksig_fail(e, subject ? subject->text_column : 0, ESRCH,
				 "no process %s",
				 subject ? subject->text : "");
	case EUSERS:
		return ksig_fail(e, 0, EUSERS,
				 "%s has too many subscriptions to skip own processes (KSIG_SUB_SKIP_OWN): use ksig watch --self",
				 d->channel);
	case ENOBUFS:
	case ENOMEM:
		if (stream->opts->queue_len)
			return ksig_fail(e, 0, err, "cannot allocate a queue of %u records: %s",
					 stream->opts->queue_len, strerror(err));
	}
	return ksig_fail(e, 0, err, "cannot subscribe to %s: %s",
			 d->channel, strerror(err));
}

/* Maps the ring if possible. Otherwise records are read with read(2). */
static void module_map(struct ksig_stream *stream, struct module *m)
{
	size_t page = sysconf(_SC_PAGESIZE), size;
	void *consumer, *ring;

	if ((fcntl(stream->fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return;
	size = (size_t)(stream->opts->queue_len ?: KSIG_QUEUE_DEFAULT) * m->event_size;
	m->ring_size = page + (size + page - 1) / page * page;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			stream->fd, 0);
	if (consumer == MAP_FAILED)
		return;
	ring = mmap(NULL, m->ring_size, PROT_READ, MAP_SHARED, stream->fd, page);
	if (ring == MAP_FAILED) {
		munmap(consumer, page);
		return;
	}
	m->owner = getpid();
	m->consumer = consumer;
	m->ring = ring;
	m->records = (const char *)ring + page;
	m->len = m->ring->len;
	m->head = m->tail = m->consumer->head;
}

static int module_open(struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_cond *c, *subject = NULL;
	int pidfd = -1, err = module_check(stream->desc, e);
	struct module *m;
	unsigned int i;

	if (err)
		return err;
	/* the kernel can check only one condition, which must be an equality on the subject */
	for (i = 0; i < stream->spec.n_conds && !subject; i++) {
		c = &stream->spec.conds[i];
		if (c->field && c->op == KSIG_OP_EQ &&
		    c->field->offset == offsetof(struct ksig_event, subject))
			subject = c;
	}
	if (subject && stream->desc->pids) {
		pidfd = ksig_process_open(subject->number,
					  subject->text_column, e);
		if (pidfd < 0)
			return pidfd;
	}
	m = calloc(1, sizeof(*m));
	if (m)
		m->buf = malloc(READ_SIZE);
	if (!m || !m->buf) {
		err = ksig_fail(e, 0, ENOMEM, "out of memory");
		goto out;
	}
	err = module_open_node(stream->desc->channel, e);
	if (err < 0)
		goto out;
	stream->fd = err;
	err = module_subscribe(stream, m, subject, e);
	/*
	 * The pid may have been reused before the kernel pinned a process. If the process of the
	 * pidfd is still alive afterwards, it is the one that the kernel has pinned.
	 */
	if (!err && pidfd >= 0 && ksig_process_ended(pidfd))
		err = ksig_fail(e, subject->text_column, ESRCH,
				"process %s has just exited", subject->text);
	if (err) {
		close(stream->fd);
		stream->fd = -1;
		goto out;
	}
	module_map(stream, m);
	if (subject)
		subject->in_kernel = true;
	stream->priv = m;
	m = NULL;
out:
	if (m)
		free(m->buf);
	free(m);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

/* ------------------------------------------------------------------- arming */

/*
 * The kernel accepts only a pid, which may have been reused by the time of the call. If the process
 * of the pidfd is still alive after the kernel has pinned the target, that process is the target.
 * Otherwise the subscription is disarmed again.
 */
static int module_arm(struct ksig_stream *stream, const struct ksig_arm_opts *opts)
{
	struct ksig_arm arm = {
		.signo = opts->signo,
		.mode = opts->mode,
		.flags = opts->flags,
		.tid = opts->pid,
		.max_pending = opts->max_pending,
		.value = opts->value,
	};
	bool process = opts->flags & KSIG_ARM_PROCESS;
	int pidfd = process ? opts->pidfd : -1, err;
	struct module *m = stream->priv;

	if (opts->pidfd < -1 || (!process && opts->pidfd > 0))
		return -EINVAL;
	err = pidfd < 0 ? 0 :
	      ksig_pidfd_check(pidfd, opts->pid ? opts->pid : getpid());
	if (err)
		return err;
	/* a mapping is not permitted while events are delivered by signal */
	if (opts->mode == KSIG_MODE_EACH && m->ring) {
		module_publish_head(m);
		module_unmap(m);
	}
	if (ioctl(stream->fd, KSIG_IOC_ARM, &arm))
		return -errno;
	if (pidfd >= 0 && ksig_process_ended(pidfd)) {
		ioctl(stream->fd, KSIG_IOC_DISARM, 0);
		return -ESRCH;
	}
	return 0;
}

static int module_disarm(struct ksig_stream *stream)
{
	return ioctl(stream->fd, KSIG_IOC_DISARM, 0) ? -errno : 0;
}

/*
 * Corrects the kernel's counters. The kernel counts buffered records as delivered, and records in
 * the ring as queued until @head is published.
 */
static int module_stats(const struct ksig_stream *stream, struct ksig_stats *st)
{
	const struct module *m = stream->priv;
	uint64_t returned = 0, ahead = (m->filled - m->used) / m->event_size;

	if (ioctl(stream->fd, KSIG_IOC_STATS, st))
		return -errno;
	if (m->ring)
		returned = m->head - __atomic_load_n(&m->consumer->head,
						     __ATOMIC_RELAXED);
	st->delivered += returned - ahead;
	st->queued += ahead - returned;
	return 0;
}

static uint64_t module_lost_upto(const struct ksig_stream *stream)
{
	struct ksig_stats st;

	return ioctl(stream->fd, KSIG_IOC_STATS, &st) ? 0 : st.skipped;
}

const struct ksig_provider ksig_provider_module = {
	.name = "module",
	.check = module_check,
	.desc = ksig_module_desc,
	.desc_free = ksig_module_desc_free,
	.open = module_open,
	.close = module_close,
	.next = module_next,
	.has_buffered = module_has_buffered,
	.arm = module_arm,
	.disarm = module_disarm,
	.stats = module_stats,
	.lost_upto = module_lost_upto,
};

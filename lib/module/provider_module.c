// SPDX-License-Identifier: MIT
/*
 * ksig.ko's channels: /dev/ksig/NAME, those that drivers have made included.
 *
 * Where the node may be opened for writing too, events come from the mapped
 * ring without a system call, and poll(2) waits when it is empty. Else, and
 * while events leave as signals, they are read.
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

/* A driver may be slow to take: so many bytes are read at once. */
#define READ_SIZE 16384

/**
 * struct module - a subscription to a channel
 * @event_size: of a record, as the kernel says
 * @head: index of the record to be handed out next
 * @tail: how far the producer is known to be
 * @ring: the mapping, or NULL: records are read
 * @ring_size: its bytes, without the consumer's page
 * @consumer: the consumer's page
 * @records: the first record of the ring
 * @len: records in the ring
 * @buf: records that were read
 * @used: bytes of @buf that were handed out
 * @filled: bytes in @buf
 * @owner: whose the mapping is: a child of fork(2) has none, and may have
 *	something else there
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

static bool module_loaded(void)
{
	return !access(CLASS, F_OK) || !access(DEV "control", F_OK);
}

static int explain_open(const char *path, int err, struct ksig_error *e)
{
	struct stat st;

	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		if (module_loaded())
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
					 "cannot open %s: %s (only root and group %u may: try sudo, or join the group)",
					 path, strerror(err),
					 (unsigned int)st.st_gid);
		return ksig_fail(e, 0, err,
				 "cannot open %s: %s (only root may: try sudo)",
				 path, strerror(err));
	case ENOBUFS:
		return ksig_fail(e, 0, err,
				 "cannot open %s: its queue would exceed RLIMIT_MEMLOCK (see 'ulimit -l')",
				 path);
	}
	return ksig_fail(e, 0, err, "cannot open %s: %s", path, strerror(err));
}

/* Read-write where that may be: a mapping needs it. */
static int open_node(const char *channel, struct ksig_error *e)
{
	char path[sizeof(DEV) + KSIG_NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), DEV "%s", channel);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? explain_open(path, errno, e) : fd;
}

static int module_check(const struct ksig_event_desc *d, struct ksig_error *e)
{
	int fd;

	if (!d->channel)
		return ksig_fail(e, 0, ENOENT, "ksig.ko has no event '%s'",
				 d->name);
	fd = open_node(d->channel, e);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* -------------------------------------------------------------------- filter */

/* A condition that says exactly one subject: that, the kernel can see to. */
static struct ksig_cond *find_subject(struct ksig_stream *stream)
{
	unsigned int i;

	for (i = 0; i < stream->spec.n_conds; i++) {
		struct ksig_cond *c = &stream->spec.conds[i];

		if (c->field && c->op == KSIG_OP_EQ &&
		    c->field->offset == offsetof(struct ksig_event, subject))
			return c;
	}
	return NULL;
}

static int explain_subscribe(struct ksig_stream *stream,
			     const struct ksig_cond *subject,
			     struct ksig_error *e)
{
	int err = errno;

	switch (err) {
	case ESRCH:
		return ksig_fail(e, subject ? subject->text_column : 0, ESRCH,
				 "no process %s",
				 subject ? subject->text : "");
	case EUSERS:
		return ksig_fail(e, 0, EUSERS,
				 "%s has too many subscriptions to skip own processes (KSIG_SUB_SKIP_OWN): use ksig watch --self",
				 stream->desc->channel);
	case ENOBUFS:
	case ENOMEM:
		if (stream->opts->queue_len)
			return ksig_fail(e, 0, err, "cannot allocate a queue of %u records: %s",
					 stream->opts->queue_len, strerror(err));
	}
	return ksig_fail(e, 0, err, "cannot subscribe to %s: %s",
			 stream->desc->channel, strerror(err));
}

static int subscribe(struct ksig_stream *stream, const struct ksig_cond *subject,
		     struct ksig_error *e)
{
	struct ksig_subscribe s = {
		.types = 1ULL << stream->desc->type,
		.queue_len = stream->opts->queue_len ?: KSIG_QUEUE_DEFAULT,
	};

	if (subject) {
		s.flags = KSIG_SUBSCRIBE_SUBJECT;
		s.subject = subject->number;
	} else if (stream->desc->pids && stream->opts->flags & KSIG_SUB_SKIP_OWN) {
		s.flags = KSIG_SUBSCRIBE_SKIP_OWN;
	}
	if (ioctl(stream->fd, KSIG_IOC_SUBSCRIBE, &s))
		return explain_subscribe(stream, subject, e);
	return 0;
}

/*
 * The number is the caller's, and by the time the kernel pins the process that has it,
 * it may be another one. So a pidfd is opened first: if that process is still alive when
 * the number has been pinned, it is the one.
 */
static int subscribe_process(struct ksig_stream *stream, struct ksig_cond *subject,
			  int pidfd, struct ksig_error *e)
{
	int err = subscribe(stream, subject, e);

	if (!err && ksig_process_ended(pidfd))
		err = ksig_fail(e, subject->text_column, ESRCH,
				"process %s has just exited", subject->text);
	return err;
}

/* ------------------------------------------------------------------- records */

static void unmap(struct module *m)
{
	long page = sysconf(_SC_PAGESIZE);

	if (!m->ring || m->owner != getpid())
		return;
	munmap(m->ring, m->ring_size);
	munmap(m->consumer, page);
	m->ring = NULL;
}

static size_t page_align(size_t n, size_t page)
{
	return (n + page - 1) / page * page;
}

/* Not possible is no failure: then records are read. */
static void map(struct ksig_stream *stream, struct module *m, uint32_t len)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *consumer, *ring;

	if ((fcntl(stream->fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return;
	m->ring_size = page + page_align((size_t)len * m->event_size, page);
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

/* What was handed out is copied by now: the kernel may write there again. */
static void publish_head(struct module *m)
{
	__atomic_store_n(&m->consumer->head, m->head, __ATOMIC_RELEASE);
}

/*
 * Full barrier between the store of head and the load of tail: the kernel
 * stores tail and loads head, so that one of the two sees the other. A
 * reader that finds nothing here sleeps in poll(2), which checks the ring again.
 */
static void look_at_tail(struct module *m)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	m->tail = __atomic_load_n(&m->ring->tail, __ATOMIC_ACQUIRE);
}

static int next_mapped(struct module *m, const struct ksig_event **ev)
{
	/* before the look at tail: it comes behind the last event */
	uint32_t flags = __atomic_load_n(&m->ring->flags, __ATOMIC_ACQUIRE);

	publish_head(m);
	if (m->head == m->tail)
		look_at_tail(m);
	if (m->head == m->tail)
		return flags & KSIG_RING_HUP ? -ESHUTDOWN : 0;
	*ev = (const void *)(m->records +
			     (size_t)(m->head % m->len) * m->event_size);
	m->head++;
	return 1;
}

static int next_read(struct ksig_stream *stream, struct module *m,
		     const struct ksig_event **ev)
{
	ssize_t len;

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

static int module_next(struct ksig_stream *stream, const struct ksig_event **ev)
{
	struct module *m = stream->priv;

	/* what was read before the ring was there */
	if (!m->ring || m->used != m->filled)
		return next_read(stream, m, ev);
	return next_mapped(m, ev);
}

/* What was read at once with others */
static bool module_has_buffered(const struct ksig_stream *stream)
{
	const struct module *m = stream->priv;

	return m->used != m->filled;
}

/* -------------------------------------------------------------- subscription */

static void module_close(struct ksig_stream *stream)
{
	struct module *m = stream->priv;

	unmap(m);
	close(stream->fd);
	free(m->buf);
	free(m);
}

static int get_info(struct ksig_stream *stream, struct ksig_info *info,
		    struct ksig_error *e)
{
	if (ioctl(stream->fd, KSIG_IOC_INFO, info))
		return ksig_fail(e, 0, errno, "ksig.ko: %s",
				 strerror(errno));
	if (info->abi != KSIG_ABI)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "ksig.ko has ABI %u, this library needs %u: load the module that came with it",
				 info->abi, KSIG_ABI);
	if (info->event_size < stream->desc->event_size)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "records of %s have %u bytes, expected %u",
				 stream->desc->channel, info->event_size,
				 stream->desc->event_size);
	return 0;
}

static int set_up(struct ksig_stream *stream, struct ksig_cond *subject, int pidfd,
		  struct ksig_error *e)
{
	struct module *m = stream->priv;
	struct ksig_info info;
	int err;

	err = get_info(stream, &info, e);
	if (err)
		return err;
	m->event_size = info.event_size;
	m->buf = malloc(READ_SIZE);
	if (!m->buf)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	err = pidfd >= 0 ? subscribe_process(stream, subject, pidfd, e) :
			   subscribe(stream, subject, e);
	if (!err)
		map(stream, m, stream->opts->queue_len ?: KSIG_QUEUE_DEFAULT);
	return err;
}

static int open_channel(struct ksig_stream *stream, struct ksig_cond *subject,
			int pidfd, struct ksig_error *e)
{
	int fd, err;

	stream->priv = calloc(1, sizeof(struct module));
	if (!stream->priv)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	fd = open_node(stream->desc->channel, e);
	if (fd < 0) {
		free(stream->priv);
		stream->priv = NULL;
		return fd;
	}
	stream->fd = fd;
	err = set_up(stream, subject, pidfd, e);
	if (err) {
		module_close(stream);
		stream->priv = NULL;
		stream->fd = -1;
	}
	return err;
}

static int module_open(struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_cond *subject = find_subject(stream);
	int pidfd = -1, err;

	if (subject && stream->desc->pids) {
		pidfd = ksig_process_open(subject->number,
					  subject->text_column, e);
		if (pidfd < 0)
			return pidfd;
	}
	err = open_channel(stream, subject, pidfd, e);
	if (!err && subject)
		subject->in_kernel = true;
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

/* ------------------------------------------------------------------- arming */

/* While events leave as signals nobody may have the ring mapped. */
static void hand_back_ring(struct module *m)
{
	if (!m->ring)
		return;
	publish_head(m);
	unmap(m);
}

/*
 * By number, as the kernel wants it. The pidfd makes that certain: who lives
 * after the number was pinned had it then. Who has ended before is not armed.
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
	if (opts->mode == KSIG_MODE_EACH)
		hand_back_ring(m);
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
 * What was read ahead the kernel calls delivered, and the record that was
 * handed out from the ring last it still calls queued.
 */
static int module_stats(const struct ksig_stream *stream, struct ksig_stats *st)
{
	const struct module *m = stream->priv;
	uint64_t held = 0, ahead = (m->filled - m->used) / m->event_size;

	if (ioctl(stream->fd, KSIG_IOC_STATS, st))
		return -errno;
	if (m->ring)
		held = m->head - __atomic_load_n(&m->consumer->head,
						 __ATOMIC_RELAXED);
	st->delivered += held - ahead;
	st->queued += ahead - held;
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

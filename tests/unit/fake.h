/* SPDX-License-Identifier: MIT */
/*
 * Fake providers for tests. They consist of queues and counters, and emit only the events that the
 * test requests.
 */
#ifndef KSIG_FAKE_H
#define KSIG_FAKE_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../lib/sub.h"
#include "test.h"

#ifndef FAKE_QUEUE
#define FAKE_QUEUE 64
#endif
#define FAKES 4

/* one for each specification of a subscription; @lock protects the queue and the counters */
static struct fake {
	pthread_mutex_t lock;
	int fd;
	struct ksig_event queue[FAKE_QUEUE];
	unsigned int head, tail;
	uint64_t offered, lost, gap;
	bool end;
	int error;	/* returned once by next */
	bool keeps_failing;	/* @error is returned until it is cleared */
	unsigned int relay_reads;	/* number of calls to next by the relay thread */
	void (*on_read)(void);	/* called before an event is returned */
	struct { struct ksig_event ev; char rest[16]; } out;
} fakes[FAKES];

static void fake_wake(struct fake *f)
{
	uint64_t one = 1;

	CHECK(write(f->fd, &one, sizeof(one)) == sizeof(one));
}

static inline void fake_emit_at(struct fake *f, uint64_t value, uint64_t time_ns)
{
	pthread_mutex_lock(&f->lock);
	f->offered++;
	if (f->tail - f->head == FAKE_QUEUE) {
		f->lost++;
		f->gap++;
	} else {
		f->queue[f->tail++ % FAKE_QUEUE] = (struct ksig_event) {
			.seq = f->offered, .value = value, .time_ns = time_ns,
			.subject = 7, .lost_before = f->gap,
		};
		f->gap = 0;
		fake_wake(f);
	}
	pthread_mutex_unlock(&f->lock);
}

static inline void fake_emit(uint64_t value)
{
	fake_emit_at(&fakes[0], value, 0);
}

static inline void fake_end_of(struct fake *f)
{
	pthread_mutex_lock(&f->lock);
	f->end = true;
	fake_wake(f);
	pthread_mutex_unlock(&f->lock);
}

static inline void fake_end(void)
{
	fake_end_of(&fakes[0]);
}

static inline int fake_next(struct ksig_stream *stream,
			    const struct ksig_event **ev)
{
	struct fake *f = stream->priv;
	uint64_t count;
	int ret = 0;

	pthread_mutex_lock(&f->lock);
	f->relay_reads += gettid() != getpid();
	if (f->error) {
		ret = f->error;
		if (!f->keeps_failing)
			f->error = 0;
	} else if (f->head != f->tail) {
		f->out.ev = f->queue[f->head++ % FAKE_QUEUE];
		*ev = &f->out.ev;
		ret = 1;
	} else if (f->end) {
		ret = -ESHUTDOWN;
	}
	/*
	 * like a ring's descriptor, this descriptor is no longer readable after the last event has
	 * been read
	 */
	if (f->head == f->tail && !f->end)
		(void)!read(f->fd, &count, sizeof(count));
	pthread_mutex_unlock(&f->lock);
	if (ret == 1 && f->on_read)
		f->on_read();
	return ret;
}

static inline int fake_stats(const struct ksig_stream *stream,
			     struct ksig_stats *st)
{
	struct fake *f = stream->priv;

	pthread_mutex_lock(&f->lock);
	st->offered = f->offered;
	st->lost = f->lost;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

static inline void fake_close(struct ksig_stream *stream)
{
	close(stream->fd);
}

static const struct ksig_provider fake_provider = {
	.name = "fake",
	.next = fake_next,
	.stats = fake_stats,
	.close = fake_close,
};

static inline int fake_arm(struct ksig_stream *stream,
			   const struct ksig_arm_opts *opts)
{
	(void)stream;
	(void)opts;
	return 0;
}

static bool fake_buffered;

static inline bool fake_has_buffered(const struct ksig_stream *stream)
{
	(void)stream;
	return fake_buffered;
}

/* A provider that itself sends the signals for events that the library has not read. */
static const struct ksig_provider fake_kernel = {
	.name = "fake",
	.next = fake_next,
	.arm = fake_arm,
	.has_buffered = fake_has_buffered,
	.stats = fake_stats,
	.close = fake_close,
};

static inline struct ksig_sub *fake_openv(const char *const *events,
					  unsigned int n)
{
	struct ksig_sub *sub = calloc(1, sizeof(*sub) +
				      n * sizeof(sub->streams[0]));
	size_t size = 0;
	unsigned int i;

	CHECK(sub && n <= FAKES);
	sub->wake = -1;
	sub->n = n;
	for (i = 0; i < n; i++) {
		struct ksig_stream *s = &sub->streams[i];

		fakes[i] = (struct fake) { .lock = PTHREAD_MUTEX_INITIALIZER };
		fakes[i].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		s->provider = &fake_provider;
		s->opts = &sub->opts;
		s->priv = &fakes[i];
		s->fd = fakes[i].fd;
		s->subject_fd = s->status_fd = -1;
		CHECK(!ksig_spec_parse(events[i], &s->spec, NULL));
		s->desc = ksig_desc_find(s->spec.name);
		CHECK(!ksig_spec_resolve(&s->spec, s->desc, NULL));
		if (ksig_record_size(s->desc) > size)
			size = ksig_record_size(s->desc);
	}
	sub->buffers = calloc(n + 2, size);
	CHECK(sub->buffers);
	sub->record = sub->buffers;
	sub->prefetched = sub->buffers + size;
	for (i = 0; n > 1 && i < n; i++)
		sub->streams[i].next = sub->buffers + (2 + i) * size;
	CHECK(!ksig_sub_make_epoll(sub));
	return sub;
}

static inline struct ksig_sub *fake_open(const char *event)
{
	return fake_openv(&event, 1);
}

static inline void check_sum(const struct ksig_sub_stats *st)
{
	if (st->offered != st->delivered + st->queued + st->lost + st->refused)
		printf("%" PRIu64 " offered: %" PRIu64 " delivered, %" PRIu64
		       " queued, %" PRIu64 " lost, %" PRIu64 " refused\n",
		       st->offered, st->delivered, st->queued, st->lost,
		       st->refused);
	CHECK(st->offered == st->delivered + st->queued + st->lost + st->refused);
}

/* Returns the counters and checks the identity of promise 2 for each specification. */
static inline struct ksig_sub_stats stats(const struct ksig_sub *sub)
{
	struct ksig_sub_stats st = { .sz = sizeof(st) }, one = { .sz = sizeof(one) };
	unsigned int i;

	for (i = 0; i < sub->n; i++) {
		CHECK(!ksig_sub_spec_stats(sub, i, &one));
		check_sum(&one);
	}
	CHECK(!ksig_sub_stats(sub, &st));
	check_sum(&st);
	return st;
}

#endif /* KSIG_FAKE_H */

// SPDX-License-Identifier: MIT
/* Events by BPF programs: bpf/ksig.bpf.c, loaded once for each subscription. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf.h"
#include "tracepoint.h"
#include "ksig.skel.h"

/* How old the count of skipped runs may be that a record is flagged by. */
#define MISSES_NS 1000000

/* So often is looked whether a record is complete. */
#define BUSY_TRIES 100

const struct ksig_bpf_source ksig_bpf_fork = {
	{ "ksig_fork" }, { "sched_process_fork" }, "ksig_fork_entry", "child_pid",
};
const struct ksig_bpf_source ksig_bpf_exec = {
	{ "ksig_exec" }, { "sched_process_exec" }, "ksig_exec_entry", NULL,
};
const struct ksig_bpf_source ksig_bpf_exit = {
	{ "ksig_exit" }, { "sched_process_exit" }, "ksig_exit_entry", "group_dead",
};
const struct ksig_bpf_source ksig_bpf_kill = {
	{ "ksig_kill" }, { "mark_victim" }, NULL, NULL,
};
const struct ksig_bpf_source ksig_bpf_power = {
	{ "ksig_power" }, { "suspend_resume" }, NULL, NULL,
};
const struct ksig_bpf_source ksig_bpf_cpu = {
	{ "ksig_cpu" }, { "cpuhp_exit" }, NULL, NULL,
};
const struct ksig_bpf_source ksig_bpf_kmod = {
	{ "ksig_module_load", "ksig_module_put", "ksig_module_free" },
	{ "module_load", "module_put", "module_free" }, NULL, NULL,
};

/* Of any tracepoint: it is found by its number, not by BTF. */
const struct ksig_bpf_source ksig_bpf_trace = {
	{ "ksig_trace" }, { }, NULL, NULL,
};

/* ------------------------------------------------------- opening and closing */

static int check(const struct ksig_event_desc *d, struct ksig_error *e)
{
	int err;

	if (!d->bpf)
		return ksig_fail(e, 0, ENOENT, "bpf doesn't provide the event '%s'",
				 d->name);
	ksig_libbpf_enter(NULL);
	err = ksig_bpf_try(e);
	if (!err)
		err = ksig_bpf_check_tracepoints(d->bpf, e);
	ksig_libbpf_leave();
	return err;
}

static void unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)(uintptr_t)p, size);
}

static void free_state(struct ksig_bpf_sub *st)
{
	int i;

	/* detached before anything that it needs is gone */
	for (i = 0; i < KSIG_BPF_PROGRAMS; i++) {
		ksig_close_fd(st->links[i]);
		ksig_close_fd(st->programs[i]);
	}
	unmap(st->producer, st->page + 2 * (st->mask + 1));
	unmap(st->consumer, st->page);
	unmap(st->bss, sizeof(*st->bss));
	ksig_close_fd(st->ring);
	for (i = 0; i < 2; i++) {
		if (st->pidfds[i] != st->lent)
			ksig_close_fd(st->pidfds[i]);
	}
	free(st->record);
	free(st);
}

static struct ksig_bpf_sub *new_state(const struct ksig_event_desc *d)
{
	struct ksig_bpf_sub *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->ring = -1;
	memset(st->links, 0xff, sizeof(st->links));
	memset(st->programs, 0xff, sizeof(st->programs));
	st->syscall_event = -1;
	st->pidfds[0] = -1;
	st->pidfds[1] = -1;
	st->lent = -1;
	st->page = sysconf(_SC_PAGESIZE);
	st->event_size = d->event_size;
	st->record = calloc(1, d->event_size);
	if (st->record)
		return st;
	free(st);
	return NULL;
}

static int open_sub(struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_bpf_sub *st = new_state(stream->desc);
	int err = -ENOMEM;

	ksig_libbpf_enter(stream->opts);
	if (st)
		err = ksig_bpf_start(st, stream, e);
	if (st && err && st->instead) {
		/* perf_event_open(2) is forbidden, or a tracepoint is full */
		free_state(st);
		st = new_state(stream->desc);
		if (st) {
			st->plain = true;
			err = ksig_bpf_start(st, stream, e);
		}
	}
	if (st && err)
		free_state(st);
	ksig_libbpf_leave();
	if (!st)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	if (err)
		return err;
	stream->priv = st;
	stream->fd = st->ring;
	return 0;
}

static void close_sub(struct ksig_stream *stream)
{
	ksig_libbpf_enter(stream->opts);
	free_state(stream->priv);
	ksig_libbpf_leave();
}

/* -------------------------------------------------------------------- reading */

/*
 * How often did the kernel skip a program because another one, or this one, was
 * running on that cpu? Before the filter, so each is an event or is none. Linux
 * counts it for tracepoints' programs since 6.7.
 */
static uint64_t count_misses(const struct ksig_bpf_sub *st)
{
	uint64_t misses = 0;
	int i;

	for (i = 0; i < KSIG_BPF_PROGRAMS && st->programs[i] >= 0; i++) {
		struct bpf_prog_info info = { };
		uint32_t size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(st->programs[i], &info, &size))
			misses += info.recursion_misses;
	}
	return misses;
}

static uint64_t lost_upto(const struct ksig_stream *stream)
{
	return count_misses(stream->priv);
}

/* A system call: not for each record of a storm. */
static void flag_misses(struct ksig_bpf_sub *st, struct ksig_event *ev)
{
	uint64_t misses;

	if (ev->time_ns - st->misses_at < MISSES_NS)
		return;
	misses = count_misses(st);
	if (misses > st->misses)
		ev->flags |= KSIG_EVENT_LOST_UPTO;
	st->misses = misses;
	st->misses_at = ev->time_ns;
}

static void count(struct ksig_bpf_sub *st, struct ksig_event *ev)
{
	/* until here, how many were lost when it got its place */
	uint64_t lost = ev->seq > st->told ? ev->seq - st->told : 0;

	st->told += lost;
	ev->lost_before = lost > UINT32_MAX ? UINT32_MAX : lost;
	ev->seq = ++st->read + st->told;
}

/*
 * The kernel stores a record's length, without BUSY, when the record is
 * complete. That takes a microsecond, unless the program is interrupted or
 * preempted; it is waited for, so that who merges several rings by time does not
 * take a later event of another one first.
 */
static uint32_t record_length(const uint32_t *head)
{
	uint32_t len;
	int i;

	for (i = 0; i < BUSY_TRIES; i++) {
		len = __atomic_load_n(head, __ATOMIC_ACQUIRE);
		if (!(len & BPF_RINGBUF_BUSY_BIT))
			break;
		sched_yield();
	}
	return len;
}

/* The kernel waits for our position before it writes to the same place again. */
static int next(struct ksig_stream *stream, const struct ksig_event **ev)
{
	struct ksig_bpf_sub *st = stream->priv;
	const char *ring = (const char *)st->producer + st->page;
	unsigned long at = *st->consumer;
	const uint32_t *head;
	uint32_t len;

	if (at == __atomic_load_n(st->producer, __ATOMIC_ACQUIRE))
		return 0;
	head = (const uint32_t *)(ring + (at & st->mask));
	len = record_length(head);
	if (len & BPF_RINGBUF_BUSY_BIT)
		return 0;
	memcpy(st->record, (const char *)head + BPF_RINGBUF_HDR_SZ,
	       st->event_size);
	memcpy(&st->ino, (const char *)head + BPF_RINGBUF_HDR_SZ + st->event_size,
	       sizeof(st->ino));
	__atomic_store_n(st->consumer, at + ksig_bpf_ring_record(st->event_size),
			 __ATOMIC_RELEASE);
	count(st, st->record);
	flag_misses(st, st->record);
	*ev = st->record;
	return 1;
}

static uint64_t subject_ino(const struct ksig_stream *stream)
{
	const struct ksig_bpf_sub *st = stream->priv;

	return st->ino;
}

/* Offered is the sum of what became of them: nothing is counted twice. */
static int stats(const struct ksig_stream *stream, struct ksig_stats *out)
{
	struct ksig_bpf_sub *st = stream->priv;
	unsigned long waiting;

	waiting = __atomic_load_n(st->producer, __ATOMIC_ACQUIRE) -
		  *st->consumer;
	out->queued = waiting / ksig_bpf_ring_record(st->event_size);
	out->lost = __atomic_load_n(&st->bss->lost, __ATOMIC_ACQUIRE);
	out->delivered = st->read;
	out->offered = out->delivered + out->queued + out->lost;
	out->signals = __atomic_load_n(&st->bss->kill_sent,
				       __ATOMIC_ACQUIRE);
	return 0;
}

/* ---------------------------------------------------- signals from the kernel */

_Static_assert(KSIG_BPF_SIGNALLED == KSIG_EVENT_SIGNALLED &&
	       KSIG_BPF_REFUSED == KSIG_EVENT_REFUSED, "one bit for each");

static int kill_current(struct ksig_stream *stream, int signo, uint64_t skip,
			uint64_t count, unsigned int flags)
{
	struct ksig_bpf_sub *st = stream->priv;
	struct ksig_bpf__bss *bss = st->bss;

	if (!ksig_tracepoint_of(stream->desc))
		return -EOPNOTSUPP;
	if (!ksig_bpf_has_cap(CAP_KILL))
		return -EPERM;
	/*
	 * None is sent while the rest changes: programs that have read the old
	 * number are through when all processors have been elsewhere (RCU).
	 */
	__atomic_store_n(&bss->kill_signo, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	__atomic_store_n(&bss->kill_ready, flags & KSIG_KILL_READY,
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_skip, skip, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_count, count, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_seen, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_signo, signo, __ATOMIC_SEQ_CST);
	return 0;
}

/* -------------------------------------------------------------- descriptions */

static int desc(const char *name, const struct ksig_sub_opts *opts,
		struct ksig_event_desc **d, struct ksig_error *e)
{
	struct ksig_tracepoint *tp;
	int err;

	if (strncmp(name, KSIG_TRACE, strlen(KSIG_TRACE)))
		return -ENOENT;
	err = ksig_tracepoint_read(name, opts ? opts->value_field : NULL, &tp,
				   e);
	if (err)
		return err;
	*d = &tp->desc;
	return 0;
}

static void desc_free(struct ksig_event_desc *d)
{
	ksig_tracepoint_free(ksig_tracepoint_of(d));
}

const struct ksig_provider ksig_provider_bpf = {
	.name = "bpf",
	.check = check,
	.desc = desc,
	.desc_free = desc_free,
	.open = open_sub,
	.close = close_sub,
	.next = next,
	.stats = stats,
	.subject_ino = subject_ino,
	.lost_upto = lost_upto,
	.kill_current = kill_current,
};

// SPDX-License-Identifier: MIT
/* The BPF provider: loads the programs of bpf/ksig.bpf.c once for each subscription. */
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

/* Minimum interval between system calls that read the number of skipped runs of the programs */
#define MISSES_NS 1000000

/* Number of attempts to read a record that is not complete yet */
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
/* The same programs, which compare the status with crash_signals */
const struct ksig_bpf_source ksig_bpf_crash = {
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

/* A tracepoint, which is identified by its ID rather than by BTF */
const struct ksig_bpf_source ksig_bpf_trace = {
	{ "ksig_trace" }, { }, NULL, NULL,
};

/* ------------------------------------------------------- opening and closing */

static int bpf_sub_check(const struct ksig_event_desc *d, struct ksig_error *e)
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

static void bpf_sub_unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)(uintptr_t)p, size);
}

static void bpf_sub_free(struct ksig_bpf_sub *st)
{
	int i;

	/* detach the programs before freeing anything that they use */
	for (i = 0; i < KSIG_BPF_PROGRAMS; i++) {
		ksig_close_fd(st->links[i]);
		ksig_close_fd(st->programs[i]);
	}
	bpf_sub_unmap(st->producer, st->page + 2 * (st->mask + 1));
	bpf_sub_unmap(st->consumer, st->page);
	bpf_sub_unmap(st->bss, sizeof(*st->bss));
	ksig_close_fd(st->ring);
	for (i = 0; i < 2; i++) {
		if (st->pidfds[i] != st->borrowed_pidfd)
			ksig_close_fd(st->pidfds[i]);
	}
	free(st->record);
	free(st);
}

static struct ksig_bpf_sub *bpf_sub_new(const struct ksig_event_desc *d)
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
	st->borrowed_pidfd = -1;
	st->page = sysconf(_SC_PAGESIZE);
	st->event_size = d->event_size;
	st->record = calloc(1, d->event_size);
	if (st->record)
		return st;
	free(st);
	return NULL;
}

static int bpf_sub_open(struct ksig_stream *stream, struct ksig_error *e)
{
	int err = bpf_sub_check(stream->desc, e);
	struct ksig_bpf_sub *st;

	if (err)
		return err;
	err = -ENOMEM;
	st = bpf_sub_new(stream->desc);
	ksig_libbpf_enter(stream->opts);
	if (st)
		err = ksig_bpf_start(st, stream, e);
	if (st && err && st->uses_alternative) {
		/* retry: perf_event_open(2) may be forbidden, or too many programs are attached */
		bpf_sub_free(st);
		st = bpf_sub_new(stream->desc);
		if (st) {
			st->no_alternative = true;
			err = ksig_bpf_start(st, stream, e);
		}
	}
	if (st && err)
		bpf_sub_free(st);
	ksig_libbpf_leave();
	if (!st)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	if (err)
		return err;
	stream->priv = st;
	stream->fd = st->ring;
	return 0;
}

static void bpf_sub_close(struct ksig_stream *stream)
{
	ksig_libbpf_enter(stream->opts);
	bpf_sub_free(stream->priv);
	ksig_libbpf_leave();
}

/* -------------------------------------------------------------------- reading */

/*
 * Returns how often the kernel skipped a program because that program, or another one, was already
 * running on the CPU. The filter does not run in that case, so each skipped event may have matched.
 * Linux has counted skipped programs on tracepoints since 6.7.
 */
static uint64_t bpf_sub_misses(const struct ksig_bpf_sub *st)
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

static uint64_t bpf_sub_lost_upto(const struct ksig_stream *stream)
{
	return bpf_sub_misses(stream->priv);
}

static int bpf_sub_next(struct ksig_stream *stream, const struct ksig_event **out)
{
	struct ksig_bpf_sub *st = stream->priv;
	const char *ring = (const char *)st->producer + st->page;
	unsigned long at = *st->consumer;
	struct ksig_event *ev = st->record;
	uint64_t lost, misses;
	const char *head;
	int tries = 0;

	if (at == __atomic_load_n(st->producer, __ATOMIC_ACQUIRE))
		return 0;
	/*
	 * The kernel clears BUSY in the length of a record when the record is complete. That takes
	 * about a microsecond unless the program is interrupted or preempted. Wait for the record,
	 * so that a reader that merges several rings by time does not read a later event from
	 * another ring first.
	 */
	head = ring + (at & st->mask);
	while (__atomic_load_n((const uint32_t *)head, __ATOMIC_ACQUIRE) & BPF_RINGBUF_BUSY_BIT) {
		if (tries++ == BUSY_TRIES)
			return 0;
		sched_yield();
	}
	head += BPF_RINGBUF_HDR_SZ;
	memcpy(ev, head, st->event_size);
	memcpy(&st->ino, head + st->event_size, sizeof(st->ino));
	/* the kernel overwrites the record only after it has read the new position */
	__atomic_store_n(st->consumer, at + ksig_bpf_ring_record(st->event_size),
			 __ATOMIC_RELEASE);
	/* @seq is the number of events lost before the program reserved the record */
	lost = ev->seq > st->reported_lost ? ev->seq - st->reported_lost : 0;
	st->reported_lost += lost;
	ev->lost_before = lost > UINT32_MAX ? UINT32_MAX : lost;
	ev->seq = ++st->read + st->reported_lost;
	if (ev->time_ns - st->misses_at >= MISSES_NS) {
		misses = bpf_sub_misses(st);
		if (misses > st->misses)
			ev->flags |= KSIG_EVENT_LOST_UPTO;
		st->misses = misses;
		st->misses_at = ev->time_ns;
	}
	*out = ev;
	return 1;
}

static uint64_t bpf_sub_subject_ino(const struct ksig_stream *stream)
{
	const struct ksig_bpf_sub *st = stream->priv;

	return st->ino;
}

/*
 * The number of offered events is computed as the sum of the other counters, so that no event is
 * counted twice.
 */
static int bpf_sub_stats(const struct ksig_stream *stream, struct ksig_stats *out)
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

static int bpf_sub_kill_current(struct ksig_stream *stream, int signo, uint64_t skip,
				uint64_t count, unsigned int flags)
{
	struct ksig_bpf_sub *st = stream->priv;
	struct ksig_bpf__bss *bss = st->bss;

	if (!ksig_tracepoint_of(stream->desc))
		return -EOPNOTSUPP;
	if (!ksig_bpf_has_cap(CAP_KILL))
		return -EPERM;
	/*
	 * Do not send signals while the settings change. membarrier(2) waits for an RCU grace
	 * period, so that no program that has read the old signal number is still running.
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

static int bpf_sub_desc(const char *name, const struct ksig_sub_opts *opts,
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

static void bpf_sub_desc_free(struct ksig_event_desc *d)
{
	ksig_tracepoint_free(ksig_tracepoint_of(d));
}

const struct ksig_provider ksig_provider_bpf = {
	.name = "bpf",
	.check = bpf_sub_check,
	.desc = bpf_sub_desc,
	.desc_free = bpf_sub_desc_free,
	.open = bpf_sub_open,
	.close = bpf_sub_close,
	.next = bpf_sub_next,
	.stats = bpf_sub_stats,
	.subject_ino = bpf_sub_subject_ino,
	.lost_upto = bpf_sub_lost_upto,
	.kill_current = bpf_sub_kill_current,
};

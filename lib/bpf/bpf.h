/* SPDX-License-Identifier: MIT */
/* What the BPF provider's files share. */
#ifndef KSIG_LIB_BPF_H
#define KSIG_LIB_BPF_H

#include <linux/bpf.h>
#include <unistd.h>

#include "../../bpf/shared.h"
#include "../provider.h"

struct btf;
struct btf_type;
struct ksig_bpf;
struct ksig_bpf__bss;
struct ksig_bpf__rodata;
struct ksig_tracepoint;

#define KSIG_BPF_PROGRAMS 3

/**
 * struct ksig_bpf_source - where the programs get an event from
 * @programs: those of ksig.bpf.c that listen
 * @tracepoints: what each of these listens to; none: whatever the event names
 * @entry_program: listens instead where probes are preemptible; NULL: there is none
 * @entry_field: the field of the tracepoint's entry that it reads, or NULL
 */
struct ksig_bpf_source {
	const char *programs[KSIG_BPF_PROGRAMS];
	const char *tracepoints[KSIG_BPF_PROGRAMS];
	const char *entry_program;
	const char *entry_field;
};

/**
 * struct ksig_bpf_sub - a subscription's own
 * @ring: the BPF ring
 * @links: attach the programs; closing them detaches
 * @programs: those that are attached, for their counters; -1: none
 * @tracepoint: for who takes its entry: where it is attached
 * @syscall: likewise, the system call's own tracepoint; 0: it is not one's
 * @syscall_event: opens that, for the setup to find the number; -1: closed
 * @instead: a tracepoint is used for what another one could tell
 * @plain: that has failed: it may not be
 * @bss: the programs' variables
 * @pidfds: keep the processes that the filter names from becoming others
 * @lent: the one of them that is the subscription's; -1: none
 * @consumer: how far it has read: a page, ours to write
 * @producer: how far it is written, a page, and then the ring, twice
 * @mask: the ring's size less one
 * @page: a page's size
 * @record: the last event
 * @event_size: bytes in it; in the ring an inode follows, which is in @ino then
 * @ino: inode of the last event's subject; 0: not known
 * @read: so many were read
 * @told: so many of the lost ones were told
 * @misses: so often had the kernel skipped the program by @misses_at
 * @misses_at: when that was looked at, by the records' clock
 */
struct ksig_bpf_sub {
	int ring;
	int links[KSIG_BPF_PROGRAMS];
	int programs[KSIG_BPF_PROGRAMS];
	unsigned int tracepoint;
	unsigned int syscall;
	int syscall_event;
	bool instead;
	bool plain;
	struct ksig_bpf__bss *bss;
	int pidfds[2];
	int lent;
	unsigned long *consumer;
	const unsigned long *producer;
	size_t mask;
	size_t page;
	struct ksig_event *record;
	uint32_t event_size;
	uint64_t ino;
	uint64_t read;
	uint64_t told;
	uint64_t misses;
	uint64_t misses_at;
};


/* ---------------------------------------------------------- support.c */

/* Enclose calls of libbpf. Its messages go to the log in @opts; NULL: discarded. */
void ksig_libbpf_enter(const struct ksig_sub_opts *opts);
void ksig_libbpf_leave(void);

/* Does this thread have the capability? */
bool ksig_bpf_has_cap(unsigned int cap);
/* A program, or libbpf's object, was refused with @err (positive): why, in @e */
int ksig_bpf_refused(int err, struct ksig_error *e);
/* Loads a program that does what ours do. 0, or -errno and why in @e */
int ksig_bpf_try(struct ksig_error *e);

/* ------------------------------------------------------------ types.c */

/* The kernel's types, read at first use. 0, or -errno and why in @e */
int ksig_bpf_types(const struct btf **btf, struct ksig_error *e);
/* After ksig_bpf_types(): do probes of tracepoints run with preemption enabled? */
bool ksig_bpf_probes_preemptible(void);
/* A tracepoint's prototype: (void *data, ...); NULL: it has none of that name */
const struct btf_type *ksig_bpf_prototype(const struct btf *btf, const char *name);
/* Are the source's tracepoints what the programs expect? 0, or -errno and why in @e */
int ksig_bpf_check_tracepoints(const struct ksig_bpf_source *src,
			       struct ksig_error *e);
/*
 * The object of ksig.bpf.c, not loaded; NULL with errno. @types: a descriptor to be closed
 * once it is loaded, of the types that libbpf compares with; -1: it reads the kernel's.
 */
struct ksig_bpf *ksig_bpf_object(int *types);

/* ----------------------------------------------------------- filter.c */

/* The filter's conditions, as many as the programs take. 0, or -errno and why in @e */
int ksig_bpf_set_conds(struct ksig_stream *stream, const struct ksig_tracepoint *tp,
		       struct ksig_bpf__rodata *ro, struct ksig_error *e);

/* Is that field the subject? */
static inline bool ksig_bpf_is_subject(const struct ksig_field_desc *f)
{
	return f && f->offset == offsetof(struct ksig_event, subject);
}

/* ------------------------------------------------------------- load.c */

/*
 * Loads and attaches the programs, and maps the ring. 0, or -errno and why in @e. On error,
 * @st keeps what was set up so far; the caller frees it.
 */
int ksig_bpf_start(struct ksig_bpf_sub *st, struct ksig_stream *stream,
		   struct ksig_error *e);

/* What a record takes in the ring: an inode follows it. */
static inline size_t ksig_bpf_ring_record(size_t event_size)
{
	return event_size + sizeof(uint64_t) + BPF_RINGBUF_HDR_SZ;
}

static inline void ksig_close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

#endif /* KSIG_LIB_BPF_H */

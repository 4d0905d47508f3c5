/* SPDX-License-Identifier: MIT */
/* Declarations shared by the files of the BPF provider. */
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
 * struct ksig_bpf_source - the programs that produce an event
 * @programs: programs of ksig.bpf.c
 * @tracepoints: the tracepoint of each program; none: the one that the event names
 * @entry_program: program to use instead where probes are preemptible, or NULL
 * @entry_field: field of the tracepoint's entry that @entry_program reads, or NULL
 */
struct ksig_bpf_source {
	const char *programs[KSIG_BPF_PROGRAMS];
	const char *tracepoints[KSIG_BPF_PROGRAMS];
	const char *entry_program;
	const char *entry_field;
};

/**
 * struct ksig_bpf_sub - the BPF provider's part of a subscription
 * @ring: the BPF ring
 * @links: attach the programs; closing them detaches
 * @programs: the attached programs, for their counters; -1: none
 * @tracepoint: id of the tracepoint that programs are attached to by perf_event_open(2)
 * @syscall: id of a system call's own tracepoint if @tracepoint may stand for all; or 0
 * @syscall_event: keeps that open, so that the setup can find the call's number; -1: closed
 * @uses_alternative: another tracepoint or program is used, to avoid skipped events
 * @no_alternative: that has failed before: do not use one
 * @bss: the programs' variables
 * @pidfds: pin the processes that the filter names; -1: none
 * @borrowed_pidfd: the one of them that is the stream's @subject_fd; -1: none
 * @consumer: position up to which the ring was read, in a writable page
 * @producer: position up to which it is written, in a page; the ring, mapped twice, follows
 * @mask: the ring's size less one
 * @page: size of a page
 * @record: the last event
 * @event_size: size of an event; in the ring an inode follows it
 * @ino: inode of the last event's subject; 0: not known
 * @read: number of records that were read
 * @reported_lost: number of lost events that were reported
 * @misses: how often the kernel had skipped the programs by @misses_at
 * @misses_at: when that was read, by the records' clock
 */
struct ksig_bpf_sub {
	int ring;
	int links[KSIG_BPF_PROGRAMS];
	int programs[KSIG_BPF_PROGRAMS];
	unsigned int tracepoint;
	unsigned int syscall;
	int syscall_event;
	bool uses_alternative;
	bool no_alternative;
	struct ksig_bpf__bss *bss;
	int pidfds[2];
	int borrowed_pidfd;
	unsigned long *consumer;
	const unsigned long *producer;
	size_t mask;
	size_t page;
	struct ksig_event *record;
	uint32_t event_size;
	uint64_t ino;
	uint64_t read;
	uint64_t reported_lost;
	uint64_t misses;
	uint64_t misses_at;
};

/* ---------------------------------------------------------- support.c */

/* Enclose calls of libbpf. Its messages go to the log of @opts; if NULL, they are discarded. */
void ksig_libbpf_enter(const struct ksig_sub_opts *opts);
void ksig_libbpf_leave(void);

/* Whether this thread has the capability */
bool ksig_bpf_has_cap(unsigned int cap);
/* Loading a program or opening libbpf's object failed with @err (positive): explain it in @e */
int ksig_bpf_refused(int err, struct ksig_error *e);
/* Whether such programs can be loaded. Return: 0, or -errno and the reason in @e */
int ksig_bpf_try(struct ksig_error *e);

/* ------------------------------------------------------------ types.c */

/* The kernel's types, read at first use. Return: 0, or -errno and the reason in @e */
int ksig_bpf_types(const struct btf **btf, struct ksig_error *e);
/* After ksig_bpf_types(): whether probes of tracepoints run with preemption enabled */
bool ksig_bpf_probes_preemptible(void);
/* A tracepoint's prototype, (void *data, ...); NULL: there is no such tracepoint */
const struct btf_type *ksig_bpf_prototype(const struct btf *btf, const char *name);
/*
 * Whether the source's tracepoints have the arguments that the programs expect. Return: 0, or
 * -errno and the reason in @e.
 */
int ksig_bpf_check_tracepoints(const struct ksig_bpf_source *src,
			       struct ksig_error *e);
/*
 * Opens the object of ksig.bpf.c, without loading it. @types: descriptor of the types that
 * libbpf compares with, which must be closed after loading; -1: it reads the kernel's BTF.
 * Return: NULL with errno set on error.
 */
struct ksig_bpf *ksig_bpf_object(int *types);

/* ----------------------------------------------------------- filter.c */

/*
 * Sets the filter's conditions in @ro, as many as the programs can check, and in_kernel of each
 * of these. Return: 0, or -errno and the reason in @e.
 */
int ksig_bpf_set_conds(struct ksig_stream *stream, const struct ksig_tracepoint *tp,
		       struct ksig_bpf__rodata *ro, struct ksig_error *e);

/* Whether the field is the subject */
static inline bool ksig_bpf_is_subject(const struct ksig_field_desc *f)
{
	return f && f->offset == offsetof(struct ksig_event, subject);
}

/* ------------------------------------------------------------- load.c */

/*
 * Loads and attaches the programs, and maps the ring. Return: 0, or -errno and the reason in
 * @e. On error, @st keeps what was set up so far; the caller frees it.
 */
int ksig_bpf_start(struct ksig_bpf_sub *st, struct ksig_stream *stream,
		   struct ksig_error *e);

/* Size of a record in the ring, with the inode that follows the event */
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

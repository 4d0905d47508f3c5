/* SPDX-License-Identifier: MIT */
/* The kernel's tracepoints, as described by tracefs. */
#ifndef KSIG_TRACEPOINT_H
#define KSIG_TRACEPOINT_H

#include "../../bpf/shared.h"
#include "../provider.h"

/* Prefix of the names of events for tracepoints */
#define KSIG_TRACE "trace."

/*
 * Layout of data[] in a record: the comm of the running task, then the tracepoint's entry without
 * its first 8 bytes, which BPF programs do not receive, then space for strings.
 */
#define KSIG_TRACE_COMM sizeof(struct ksig_event)
#define KSIG_TRACE_ENTRY (KSIG_TRACE_COMM + 16 - 8)

/**
 * struct ksig_tracepoint - the event of a tracepoint
 * @desc: description of the event; must be the first member
 * @fields: fields of @desc
 * @id: ID of the tracepoint for perf_event_open(2)
 * @entry_size: end of the fields that have a fixed offset in the entry
 * @n_strings: number of @strings
 * @strings: strings of variable length
 * @value: field that is the value of the event; NULL if there is none
 */
struct ksig_tracepoint {
	struct ksig_event_desc desc;
	struct ksig_field_desc *fields;
	unsigned int id;
	unsigned int entry_size;
	unsigned int n_strings;
	struct ksig_bpf_string strings[KSIG_BPF_STRINGS];
	const struct ksig_field_desc *value;
};

/*
 * Reads the description of @name, "trace.CATEGORY.NAME", from tracefs. @value: name of the field to
 * use as the event's value, or NULL. The caller must free *@tp with ksig_tracepoint_free(), which
 * ignores NULL.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_tracepoint_read(const char *name, const char *value,
			 struct ksig_tracepoint **tp, struct ksig_error *e);
void ksig_tracepoint_free(struct ksig_tracepoint *tp);

/* Return: the tracepoint of an event; NULL if the event is not a tracepoint. */
static inline struct ksig_tracepoint *
ksig_tracepoint_of(const struct ksig_event_desc *d)
{
	return d->bpf == &ksig_bpf_trace ? (struct ksig_tracepoint *)(uintptr_t)d : NULL;
}

#endif /* KSIG_TRACEPOINT_H */

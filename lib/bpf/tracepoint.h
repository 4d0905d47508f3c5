/* SPDX-License-Identifier: MIT */
/* The kernel's tracepoints, as tracefs describes them. */
#ifndef KSIG_TRACEPOINT_H
#define KSIG_TRACEPOINT_H

#include "../../bpf/shared.h"
#include "../provider.h"

/* The names of tracepoints' events begin with this. */
#define KSIG_TRACE "trace."

/*
 * A record's data[]: comm of the running task, then the tracepoint's entry without its first
 * 8 bytes, which BPF programs do not get, then room for strings.
 */
#define KSIG_TRACE_COMM sizeof(struct ksig_event)
#define KSIG_TRACE_ENTRY (KSIG_TRACE_COMM + 16 - 8)

/**
 * struct ksig_tracepoint - a tracepoint's event
 * @desc: its description; the first member
 * @fields: @desc's fields
 * @id: for perf_event_open(2)
 * @entry_size: where the entry's fields with a fixed offset end
 * @n_strings: number of @strings
 * @strings: strings of variable length
 * @value: the field that is the event's value; NULL: none
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
 * Reads how tracefs describes @name, "trace.CATEGORY.NAME". @value: name of the field to use as
 * the event's value, or NULL. @tp must be freed with ksig_tracepoint_free(); passing NULL to
 * that is a no-op. Return: 0, or -errno and the reason in @e.
 */
int ksig_tracepoint_read(const char *name, const char *value,
			 struct ksig_tracepoint **tp, struct ksig_error *e);
void ksig_tracepoint_free(struct ksig_tracepoint *tp);

/* Return: the tracepoint of that event; NULL if it is not a tracepoint's */
static inline struct ksig_tracepoint *
ksig_tracepoint_of(const struct ksig_event_desc *d)
{
	return d->bpf == &ksig_bpf_trace ? (struct ksig_tracepoint *)(uintptr_t)d : NULL;
}

#endif /* KSIG_TRACEPOINT_H */

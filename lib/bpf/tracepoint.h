/* SPDX-License-Identifier: MIT */
/* The kernel's tracepoints as tracefs describes them. */
#ifndef KSIG_TRACEPOINT_H
#define KSIG_TRACEPOINT_H

#include "../../bpf/shared.h"
#include "../provider.h"

/* What a tracepoint's event is called begins with it. */
#define KSIG_TRACE "trace."

/*
 * A record's data[]: who was running, then the tracepoint's entry behind its
 * first 8 bytes, which BPF programs don't get, then room for strings.
 */
#define KSIG_TRACE_COMM sizeof(struct ksig_event)
#define KSIG_TRACE_ENTRY (KSIG_TRACE_COMM + 16 - 8)

/**
 * struct ksig_tracepoint - one of them
 * @desc: how others see it; first
 * @fields: @desc's
 * @id: for perf_event_open(2)
 * @entry_size: where its fields of fixed place end
 * @n_strings: number of @strings
 * @strings: those whose place is in the entry
 * @value: the field that is the value; NULL: none
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
 * @name: "trace.CATEGORY.NAME"; @value: the name of the field that is to be the
 * value, or NULL. To be freed by ksig_tracepoint_free(), which lets NULL pass.
 */
int ksig_tracepoint_read(const char *name, const char *value,
			 struct ksig_tracepoint **tp, struct ksig_error *e);
void ksig_tracepoint_free(struct ksig_tracepoint *tp);

/* The tracepoint that the event is; NULL: it isn't one. */
static inline struct ksig_tracepoint *
ksig_tracepoint_of(const struct ksig_event_desc *d)
{
	return d->bpf == &ksig_bpf_trace ? (struct ksig_tracepoint *)(uintptr_t)d : NULL;
}

#endif /* KSIG_TRACEPOINT_H */

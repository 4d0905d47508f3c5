// SPDX-License-Identifier: MIT
/* Converts the conditions of a filter to the form that the BPF programs check. */
#include <errno.h>
#include <string.h>

#include "bpf.h"
#include "tracepoint.h"
#include "ksig.skel.h"

/* Stores a numeric condition as an unsigned range or a mask; see struct ksig_bpf_cond. */
static void filter_set_number(struct ksig_bpf_cond *to, const struct ksig_cond *c)
{
	uint64_t low, high;
	bool none;

	to->bias = to->is_signed ? 1ULL << 63 : 0;
	none = !ksig_op_range(c->op, c->number ^ to->bias, &low, &high);
	if (c->op == KSIG_OP_AND) {
		to->mask = c->number;
		none = !c->number;
	}
	to->low = none ? 0 : low;
	to->span = none ? UINT64_MAX : high - low;
	to->negate = none || c->op == KSIG_OP_NE;
}

/* Converts a string condition. Return: false if only the library can compare the text. */
static bool filter_set_text(struct ksig_bpf_cond *to, const struct ksig_cond *c,
			    size_t size)
{
	size_t len = strlen(c->words->text);

	if (c->n_words > 1 || c->words->pattern || len >= size ||
	    (size > KSIG_BPF_TEXT && len > KSIG_BPF_TEXT - 2))
		return false;
	to->size = size;
	to->negate = c->op == KSIG_OP_NE;
	memcpy(to->text, c->words->text, len);
	return true;
}

/* Converts a condition. Return: false if only the library can check it. */
static bool filter_set_cond(struct ksig_bpf_cond *to, const struct ksig_cond *c,
			    const struct ksig_tracepoint *tp)
{
	const struct ksig_field_desc *f = c->field;
	unsigned int i;

	memset(to, 0, sizeof(*to));
	if (!f && !strcmp(c->key, "current.comm")) {
		to->source = KSIG_BPF_CURRENT_COMM;
		return filter_set_text(to, c, 16);
	}
	if (!f || (tp && ksig_bpf_is_subject(f))) {
		to->source = KSIG_BPF_CURRENT_PID;
		filter_set_number(to, c);
		return true;
	}
	if (tp && f->offset == offsetof(struct ksig_event, value))
		f = tp->value;
	if (!f || f->added || (tp && f->offset < KSIG_TRACE_ENTRY))
		return false;
	to->offset = f->offset;
	if (f->type == KSIG_FIELD_STRING) {
		to->source = KSIG_BPF_TEXT_AT;
		if (!filter_set_text(to, c, f->size))
			return false;
	} else {
		to->source = KSIG_BPF_NUMBER;
		to->size = f->size;
		to->is_signed = f->type == KSIG_FIELD_SIGNED;
		filter_set_number(to, c);
	}
	if (!tp)
		return true;
	/* the programs read the tracepoint's entry, not the record */
	to->offset = f->offset - KSIG_TRACE_ENTRY;
	for (i = 0; i < tp->n_strings; i++) {
		if (tp->strings[i].to != f->offset)
			continue;
		to->source = KSIG_BPF_TEXT_LOC;
		to->offset = tp->strings[i].loc;
		to->relative = tp->strings[i].relative;
	}
	return true;
}

int ksig_bpf_set_conds(struct ksig_stream *stream, const struct ksig_tracepoint *tp,
		       struct ksig_bpf__rodata *ro, struct ksig_error *e)
{
	const struct ksig_spec *spec = &stream->spec;
	unsigned int i, n = 0;
	struct ksig_cond *c;

	/* reject conditions that could never match */
	for (i = 0; i < spec->n_conds; i++) {
		c = &spec->conds[i];
		/* mark_victim does not report the cgroup whose memory is exhausted */
		if (c->field && c->field->unknown & KSIG_EVENT_NO_VALUE &&
		    !strcmp(stream->desc->name, "memory.kill"))
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 "the kernel's tracepoint doesn't report '%s'",
					 c->key);
		if (tp && !tp->value && c->field &&
		    c->field->offset == offsetof(struct ksig_event, value))
			return ksig_fail(e, c->column, EINVAL,
					 "%s has no value unless a field is chosen with ksig watch --value FIELD: use the field's name in the filter",
					 stream->desc->name);
	}
	/* add current.* first, because the library cannot check these conditions */
	for (i = 0; i < spec->n_conds; i++) {
		c = &spec->conds[i];
		if (c->field)
			continue;
		if (n == KSIG_BPF_CONDS)
			return ksig_fail(e, c->column, E2BIG,
					 "at most %d conditions on the running task",
					 KSIG_BPF_CONDS);
		c->in_kernel = filter_set_cond(&ro->conds[n], c, tp);
		n += c->in_kernel;
	}
	for (i = 0; i < spec->n_conds && n < KSIG_BPF_CONDS; i++) {
		c = &spec->conds[i];
		if (!c->field)
			continue;
		c->in_kernel = filter_set_cond(&ro->conds[n], c, tp);
		n += c->in_kernel;
	}
	ro->n_conds = n;
	return 0;
}

// SPDX-License-Identifier: MIT
/* A filter's conditions, as the BPF programs take them. */
#include <errno.h>
#include <string.h>

#include "bpf.h"
#include "tracepoint.h"
#include "ksig.skel.h"

/* As an unsigned range, or a mask: see struct ksig_bpf_cond. */
static void set_numbers(struct ksig_bpf_cond *to, const struct ksig_cond *c)
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

/* False: the library has to do it. */
static bool set_text(struct ksig_bpf_cond *to, const struct ksig_cond *c,
		     size_t size)
{
	size_t len = strlen(c->text);

	if ((c->op != KSIG_OP_EQ && c->op != KSIG_OP_NE) || len >= size ||
	    (size > KSIG_BPF_TEXT && len > KSIG_BPF_TEXT - 2))
		return false;
	to->size = size;
	to->negate = c->op == KSIG_OP_NE;
	memcpy(to->text, c->text, len);
	return true;
}

static bool set_current(struct ksig_bpf_cond *to, const struct ksig_cond *c)
{
	if (!strcmp(c->key, "current.comm")) {
		to->source = KSIG_BPF_CURRENT_COMM;
		return set_text(to, c, 16);
	}
	to->source = KSIG_BPF_CURRENT_PID;
	set_numbers(to, c);
	return true;
}

/* A tracepoint's field: where is it in the entry? */
static void set_entry_place(struct ksig_bpf_cond *to,
			    const struct ksig_tracepoint *tp,
			    const struct ksig_field_desc *f)
{
	unsigned int i;

	to->offset = f->offset - KSIG_TRACE_ENTRY;
	for (i = 0; i < tp->n_strings; i++) {
		if (tp->strings[i].to != f->offset)
			continue;
		to->source = KSIG_BPF_TEXT_LOC;
		to->offset = tp->strings[i].loc;
		to->relative = tp->strings[i].relative;
	}
}

/* mark_victim does not say whose memory is short. */
static bool is_unknown(const struct ksig_stream *stream,
		       const struct ksig_field_desc *f)
{
	return f->unknown & KSIG_EVENT_NO_VALUE &&
	       !strcmp(stream->desc->name, "memory.kill");
}

/* A condition on it would never pass. */
static int check_known(const struct ksig_stream *stream,
		       const struct ksig_tracepoint *tp, struct ksig_error *e)
{
	const struct ksig_cond *c;
	unsigned int i;

	for (i = 0; i < stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i];
		if (c->field && is_unknown(stream, c->field))
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 "the kernel's tracepoint doesn't report '%s'",
					 c->key);
		if (tp && !tp->value && c->field &&
		    c->field->offset == offsetof(struct ksig_event, value))
			return ksig_fail(e, c->column, EINVAL,
					 "%s has no value unless a field is chosen with ksig watch --value FIELD: use the field's name in the filter",
					 stream->desc->name);
	}
	return 0;
}

static bool set_field(struct ksig_bpf_cond *to, const struct ksig_cond *c,
		      const struct ksig_tracepoint *tp)
{
	const struct ksig_field_desc *f = c->field;

	if (tp && ksig_bpf_is_subject(f)) {
		to->source = KSIG_BPF_CURRENT_PID;
		set_numbers(to, c);
		return true;
	}
	if (tp && f->offset == offsetof(struct ksig_event, value))
		f = tp->value;
	if (!f || f->added || (tp && f->offset < KSIG_TRACE_ENTRY))
		return false;
	to->offset = f->offset;
	if (f->type == KSIG_FIELD_STRING) {
		to->source = KSIG_BPF_TEXT_AT;
		if (!set_text(to, c, f->size))
			return false;
	} else {
		to->source = KSIG_BPF_NUMBER;
		to->size = f->size;
		to->is_signed = f->type == KSIG_FIELD_SIGNED;
		set_numbers(to, c);
	}
	if (tp)
		set_entry_place(to, tp, f);
	return true;
}

/* current.* goes first: the library can't do it. */
int ksig_bpf_set_conds(struct ksig_stream *stream, const struct ksig_tracepoint *tp,
		     struct ksig_bpf__rodata *ro, struct ksig_error *e)
{
	struct ksig_cond *c;
	unsigned int i, n = 0;
	bool fields;
	int err = check_known(stream, tp, e);

	if (err)
		return err;
	for (i = 0; i < 2 * stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i % stream->spec.n_conds];
		fields = i >= stream->spec.n_conds;
		if (fields != !!c->field)
			continue;
		if (n == KSIG_BPF_CONDS && !fields)
			return ksig_fail(e, c->column, E2BIG,
					 "at most %d conditions on the running task",
					 KSIG_BPF_CONDS);
		if (n == KSIG_BPF_CONDS)
			break;
		memset(&ro->conds[n], 0, sizeof(ro->conds[n]));
		c->in_kernel = fields ? set_field(&ro->conds[n], c, tp) :
			       set_current(&ro->conds[n], c);
		n += c->in_kernel;
	}
	ro->n_conds = n;
	return 0;
}

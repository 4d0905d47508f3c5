// SPDX-License-Identifier: MIT
/* Parse arbitrary bytes as a tracepoint's format file from tracefs. */
#include "../../lib/bpf/tracepoint.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Checks that each field lies within the record and that the number of strings is within its limit.
 */
static void check_fields(const struct ksig_tracepoint *tp)
{
	const struct ksig_field_desc *f;
	unsigned int i;

	for (i = 0; i < tp->desc.n_fields; i++) {
		f = &tp->fields[i];
		if (!f->size || f->offset < KSIG_TRACE_COMM ||
		    f->offset + f->size > tp->desc.event_size)
			abort();
	}
	if (tp->n_strings > KSIG_BPF_STRINGS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ksig_tracepoint *tp = calloc(1, sizeof(*tp));
	FILE *f = size > 1 ? fmemopen((void *)(uintptr_t)(data + 1), size - 1,
				      "r") : NULL;

	if (!f || !tp) {
		free(tp);
		return 0;
	}
	tp->entry_size = 8;
	if (!tracepoint_read_format(tp, f, *data & 1))
		check_fields(tp);
	fclose(f);
	ksig_tracepoint_free(tp);
	return 0;
}

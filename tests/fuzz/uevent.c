// SPDX-License-Identifier: MIT
/* Parse arbitrary bytes as a uevent, once for each kind of event that is derived from uevents. */
#include "../../lib/native/uevent.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_as(const struct uevent_kind *kind, char *buf, size_t size)
{
	struct uevent_state state = { .kind = kind };
	struct ksig_native n = {
		.desc = ksig_desc_find(kind->event), .len = 1, .state = &state,
	};

	n.records = calloc(1, n.desc->event_size);
	if (!n.records)
		abort();
	memcpy(state.buf, buf, size);
	uevent_handle(&n, size);
	if (n.tail > 1 || n.lost)
		abort();
	free(n.records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i;

	if (size > UEVENT_MAX)
		return 0;
	for (i = 0; i < ARRAY_SIZE(uevent_kinds); i++)
		take_as(&uevent_kinds[i], (char *)data, size);
	return 0;
}

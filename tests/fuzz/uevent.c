// SPDX-License-Identifier: MIT
/*
 * Parse arbitrary bytes as a uevent, for all events that are derived from uevents, with and without
 * their initial state.
 */
#include "../../lib/native/uevent.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(const uint8_t *data, size_t size, bool known)
{
	static struct ksig_native streams[ARRAY_SIZE(uevent_kinds)];
	static struct ksig_native_users users;
	struct uevent_state state = { };
	struct ksig_native *n;
	size_t i;

	users.n = ARRAY_SIZE(uevent_kinds);
	for (i = 0; i < users.n; i++) {
		n = &streams[i];
		*n = (struct ksig_native) {
			.desc = ksig_desc_find(uevent_kinds[i].event), .len = 1, .capacity = 1,
			.state = &state, .users = &users,
		};
		users.user[i] = n;
		n->records = calloc(1, n->desc->event_size);
		if (!n->records)
			abort();
	}
	for (i = KSIG_UEVENT_OTHER + 1; i < KSIG_UEVENT_FAMILIES; i++)
		state.present[i].known = known;
	memcpy(state.buf, data, size);
	uevent_handle(streams, size, false);
	for (i = 0; i < users.n; i++) {
		if (streams[i].tail > 1 || streams[i].lost)
			abort();
		free(streams[i].records);
	}
	for (i = 0; i < KSIG_UEVENT_FAMILIES; i++)
		ksig_present_free(&state.present[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > KSIG_UEVENT_MAX)
		return 0;
	take(data, size, false);
	take(data, size, true);
	return 0;
}

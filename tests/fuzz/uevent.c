// SPDX-License-Identifier: MIT
/* A uevent of any bytes, parsed for cpu.online and kmod.load. */
#include "../../lib/native/uevent.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_as(const char *event, const struct uevent *u)
{
	struct uevent_state state = { };
	struct ksig_native n = {
		.desc = ksig_desc_find(event), .len = 1, .state = &state,
	};

	n.records = calloc(1, n.desc->event_size);
	if (!n.records)
		abort();
	tell(&n, u);
	if (n.tail > 1 || n.lost)
		abort();
	free(n.records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *buf = malloc(size + 1);
	struct uevent u;

	if (!buf)
		abort();
	memcpy(buf, data, size);
	/* as the caller makes sure */
	buf[size] = '\0';
	parse(buf, size, &u);
	/* is_wanted() lets no other pass */
	if (u.path && u.subsystem && !strcmp(u.subsystem, "cpu"))
		take_as("cpu.online", &u);
	else if (u.path && u.subsystem && !strcmp(u.subsystem, "module"))
		take_as("kmod.load", &u);
	free(buf);
	return 0;
}

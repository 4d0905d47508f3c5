// SPDX-License-Identifier: MIT
/* Parse an arbitrary text after "memory.pressure:" in an event name. */
#include "../../lib/native/pressure.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), why[256] = "";
	struct ksig_stream stream = {
		.spec = { .settings = text, .settings_column = 17 },
	};
	unsigned int column = 0;
	struct ksig_error e = {
		.buf = why, .size = sizeof(why), .column = &column,
	};
	struct pressure_settings set;

	if (!text)
		abort();
	if (pressure_parse(&stream, &set, &e)) {
		if (!*why || column < 17 || column > 17 + strlen(text))
			abort();
	} else if (!set.stall_us || set.stall_us > set.window_us ||
		   set.window_us > WINDOW_MOST_US) {
		abort();
	}
	free(text);
	return 0;
}

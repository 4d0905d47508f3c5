// SPDX-License-Identifier: MIT
/* Parse an arbitrary text after "memory.pressure:" in an event specification. */
#include "../../lib/native/pressure.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char event[] = "memory.pressure:";
	char text[4096], why[256] = "";
	unsigned int column = 0;
	struct ksig_stream stream = { .desc = ksig_desc_find("memory.pressure") };
	struct ksig_error e = {
		.buf = why, .size = sizeof(why), .column = &column,
	};
	struct pressure_settings set;

	if (!size || size > sizeof(text) - sizeof(event))
		return 0;
	snprintf(text, sizeof(text), "%s%.*s", event, (int)size, (const char *)data);
	if (ksig_spec_parse(text, &stream.spec, &e))
		return 0;
	if (ksig_spec_resolve(&stream.spec, stream.desc, &e) ||
	    pressure_parse(&stream, &set, &e)) {
		if (!*why || column < sizeof(event) || column > strlen(text) + 1)
			abort();
	} else if (!set.stall_us || set.stall_us > set.window_us ||
		   set.window_us > WINDOW_MOST_US) {
		abort();
	}
	ksig_spec_free(&stream.spec);
	return 0;
}

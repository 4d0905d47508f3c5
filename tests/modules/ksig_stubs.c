// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver without ksig.ko: its Kbuild defines KSIG_STUBS, and the source is that of
 * examples/edu.
 */
#include "../../examples/edu/edu.c"

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that works without ksig.ko: the Kbuild file defines KSIG_STUBS, and the source is that
 * of examples/edu.
 */
#include "../../examples/edu/edu.c"

// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo-random numbers that need not be unguessable.
 *
 * Upstream: include/linux/prandom.h.
 */
export {
	prandom_u32, prandom_u32_max, prandom_u32_state, struct_rnd_state,
} from "#linux/random.ts";

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets of page numbers that are mostly long runs.
 *
 * Upstream: tools/testing/selftests/kvm/include/sparsebit.h.
 */
export {
	sparsebit, sparsebit_alloc, sparsebit_clear, sparsebit_clear_num, sparsebit_copy,
	sparsebit_dump, sparsebit_first_set, sparsebit_free, sparsebit_is_clear,
	sparsebit_is_clear_num, sparsebit_is_set, sparsebit_is_set_num, sparsebit_next_clear,
	sparsebit_next_clear_num, sparsebit_next_set, sparsebit_next_set_num, sparsebit_num_set,
	sparsebit_set, sparsebit_set_num,
} from "../lib/sparsebit.ts";

// SPDX-License-Identifier: GPL-2.0
/*
 * memfd_test on huge pages: makes sure that eight are free, and gives back what it added.
 *
 * Upstream: tools/testing/selftests/memfd/run_hugetlbfs_test.sh. Left out: the fuse test.
 */
import {
	fork, printf, puts, read_file, waitpid, WEXITSTATUS, WIFEXITED, WTERMSIG, write_file,
} from "#tools/include/nolibc/nolibc.ts";
import { main as memfd_test } from "./memfd_test.ts";

const ksft_skip = 4;
/* pages that memfd_test needs free */
const hpages_test = 8;
const NR_HUGEPAGES = "/proc/sys/vm/nr_hugepages";

function free_pages(): number {
	return Number(/^HugePages_Free: +(\d+)$/m.exec(read_file("/proc/meminfo") ?? "")?.[1] ?? NaN);
}

export function* main(): Generator<void, number, void> {
	let freepgs = free_pages();
	let nr_hugepgs: string | null = null;

	if (freepgs < hpages_test) {
		nr_hugepgs = read_file(NR_HUGEPAGES);
		const hpages_needed = hpages_test - freepgs;

		write_file("/proc/sys/vm/drop_caches", "3\n");
		write_file(NR_HUGEPAGES, `${hpages_needed + Number(nr_hugepgs)}\n`);
		freepgs = free_pages();
	}

	if (!(freepgs >= hpages_test)) {
		if (nr_hugepgs !== null)
			write_file(NR_HUGEPAGES, nr_hugepgs);
		printf("Not enough huge pages available (%d < %d)\n", freepgs, hpages_test);
		return ksft_skip;
	}

	const pid = fork(() => memfd_test(2, ["memfd_test", "hugetlbfs"]));
	const { status } = yield* waitpid(pid, 0);
	const rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	puts("run_fuse_test.sh: fuse is not modelled");

	if (nr_hugepgs !== null)
		write_file(NR_HUGEPAGES, nr_hugepgs);
	return rc;
}

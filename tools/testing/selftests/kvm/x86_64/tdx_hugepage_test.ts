// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large pages of a TD: one where the file has one, split when a part of it is converted, and large
 * again when all of it is private again: put together by the kernel's recovery thread if the TD
 * kept the rest, mapped anew if it kept nothing.
 *
 * Port-only.
 */
import { get_reg, memchk, memset, REG_R9, type guest_fn, type guest_program } from
	"#hw/isa_guest.ts";
import { tdcall } from "#hw/isa_td.ts";
import { KVM_GET_STATS_FD } from "#uapi/linux/kvm.ts";
import { close, ioctl, read_file, usleep, write_file } from "#tools/include/nolibc/nolibc.ts";
import { read_stat_data, read_stats_descriptors, read_stats_header, type wait } from
	"../include/kvm_util.ts";
import { TEST_ASSERT } from "../include/test_util.ts";
import { TDG_VP_VEINFO_GET, TD_FREE_GPA, TD_SHARED_BIT, TD_SHARED_VA, VE_VECTOR, td_accept,
	td_convert, td_create, td_free, td_long_mode, td_map_gpa, td_report, td_require,
	td_run_until_report, type struct_td } from "../include/x86_64/tdx.ts";

const PAGE = 4096, HPAGE = 2 ** 21;
const DATA	= TD_FREE_GPA;
const HOLE	= DATA + 7 * PAGE;
const REST	= HOLE + PAGE;
const TDX_PAGE_SIZE_MISMATCH = 0xc0000b0b;

const SHMEM_ENABLED = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const PARAMETERS = "/sys/module/kvm/parameters/";
const PERIOD = `${PARAMETERS}nx_huge_pages_recovery_period_ms`;
const RATIO = `${PARAMETERS}nx_huge_pages_recovery_ratio`;

const STATS = ["pages_4k", "pages_2m", "nx_lpage_splits"];

function stats(td: struct_td): number[] {
	const fd = ioctl(td.fd, KVM_GET_STATS_FD), header = read_stats_header(fd);
	const descs = read_stats_descriptors(fd, header);
	const values = STATS.map((name) => Number(read_stat_data(fd, header,
		descs.find((d) => d.name === name)!, 1)[0]!));

	close(fd);
	return values;
}

/** A TD, and what is mapped by small and large pages, and split, since it began. */
class mapped_td {
	readonly td: struct_td;
	private readonly base: number[];

	constructor(script: () => guest_program, handlers: Record<number, guest_fn> = {}) {
		this.td = td_create([script], { handlers });
		this.base = stats(this.td);
	}

	is(want: readonly number[]): boolean {
		return stats(this.td).every((x, i) => x - this.base[i]! === want[i]!);
	}

	expect(want: readonly number[], when: string): void {
		TEST_ASSERT(this.is(want), "%s: %s are %s instead of %s", when, STATS.join(),
			stats(this.td).map((x, i) => x - this.base[i]!).join(), want.join());
	}

	*reports(want: readonly number[], when: string): wait {
		for (const [i, x] of want.entries()) {
			const got = yield* td_run_until_report(this.td);
			TEST_ASSERT(got === x, "%s, %d: 0x%x instead of 0x%x", when, i, got, x);
		}
	}

	/** Gives the recovery thread so many chances. */
	*wait_for(want: readonly number[], when: string): wait {
		for (let i = 0; i < 20 && !this.is(want); i++)
			yield* usleep(1000);
		this.expect(want, when);
	}
}

/** The page at HOLE goes and comes back; the rest keeps what is in it. */
function* convert_hole(): guest_program {
	yield* td_long_mode();
	yield* td_report(yield* td_accept(DATA, 1));
	yield* memset(DATA, 0x11, HPAGE);
	yield* td_report(Number(yield* td_map_gpa(HOLE + TD_SHARED_BIT, PAGE)));
	yield* memset(TD_SHARED_VA + HOLE, 0x22, PAGE);
	yield* td_report(Number(yield* td_map_gpa(HOLE, PAGE)));
	yield* td_report(Number(yield* memchk(REST, 0x11, DATA + HPAGE - REST)));
	yield* td_report(yield* td_accept(HOLE));
	yield* td_report(Number(yield* memchk(HOLE, 0, PAGE)));
	yield* memset(HOLE, 0x33, PAGE);
	yield* td_report(1);
	yield* td_report(Number(yield* memchk(DATA, 0x11, 7 * PAGE)));
	yield* td_report(Number(yield* memchk(HOLE, 0x33, PAGE)));
	yield* td_report(Number(yield* memchk(REST, 0x11, DATA + HPAGE - REST)));
	/* it can be split once more */
	yield* td_report(Number(yield* td_map_gpa(HOLE + TD_SHARED_BIT, PAGE)));
	yield* td_report(Number(yield* memchk(REST, 0x11, DATA + HPAGE - REST)));
}

function* test_merge(): wait {
	const m = new mapped_td(convert_hole);

	m.td.in_place = true;
	yield* m.reports([0], "accept");
	m.expect([0, 1, 0], "accepted");
	yield* m.reports([0, 0, 1], "hole");
	/* what maps the hole as shared is zapped with it */
	m.expect([511, 0, 1], "the hole is private, and nobody has accepted it");
	yield* usleep(10000);
	m.expect([511, 0, 1], "a page is missing");
	yield* m.reports([0, 1, 1], "hole accepted");
	yield* m.wait_for([0, 1, 0], "large again");
	yield* m.reports([1, 1, 1], "contents");
	m.expect([0, 1, 0], "used");
	yield* m.reports([0, 1], "hole again");
	m.expect([511, 0, 1], "split again");
	td_free(m.td);
}

/** As long as a page is there, but not accepted, the others can't be merged with it. */
function* test_pending(): wait {
	const m = new mapped_td(function* () {
		yield* td_long_mode();
		yield* td_report(yield* td_accept(DATA, 1));
		yield* memset(DATA, 0x11, HPAGE);
		yield* td_report(1);
		yield* memchk(HOLE, 0x11, PAGE);
		yield* td_report(0xbad);
	}, { [VE_VECTOR]: function* () {
		yield* tdcall(TDG_VP_VEINFO_GET);
		yield* td_report(yield* get_reg(REG_R9));
		yield* td_report(Number(yield* memchk(REST, 0x11, DATA + HPAGE - REST)));
		yield* td_report(yield* td_accept(HOLE));
		yield* td_report(Number(yield* memchk(DATA, 0x11, 7 * PAGE)));
		yield* td_report(Number(yield* memchk(HOLE, 0, PAGE)));
	} });

	m.td.in_place = true;
	yield* m.reports([0, 1], "accept");
	/* nobody has asked the guest */
	td_convert(m.td, HOLE, PAGE, false);
	td_convert(m.td, HOLE, PAGE, true);
	m.expect([511, 0, 1], "split");
	yield* m.reports([HOLE], "#VE");
	m.expect([512, 0, 1], "all are mapped");
	yield* usleep(10000);
	m.expect([512, 0, 1], "not all are accepted");
	yield* m.reports([1, 0], "what was accepted before");
	yield* m.wait_for([0, 1, 0], "accepted");
	yield* m.reports([1, 1], "contents");
	td_free(m.td);
}

/** Large pages are mapped where small ones were, once none is left, however they went. */
function* test_remap(): wait {
	const m = new mapped_td(function* () {
		yield* td_long_mode();
		for (let round = 0; round < 2; round++) {
			let n = 0;
			for (let at = DATA; at < DATA + HPAGE; at += PAGE)
				n += (yield* td_accept(at)) === 0 ? 1 : 0;
			yield* td_report(n);
			yield* td_report(yield* td_accept(DATA, 1));
			yield* memset(DATA, 0x44, HPAGE);
			yield* td_report(Number(yield* memchk(DATA, 0x44, HPAGE)));
		}
	});

	for (const step of [HPAGE, PAGE]) {
		yield* m.reports([512], "small pages");
		m.expect([512, 0, 0], "small pages");
		/* a file that loses them one by one has no large page any more */
		m.td.in_place = step === PAGE;
		for (let at = DATA; at < DATA + HPAGE; at += step)
			td_convert(m.td, at, step, false);
		m.expect([0, 0, 0], "none");
		td_convert(m.td, DATA, HPAGE, true);
		yield* m.reports([0, 1], "a large page");
		m.expect([0, 1, 0], "a large page");
		td_convert(m.td, DATA, HPAGE, false);
		td_convert(m.td, DATA, HPAGE, true);
	}
	td_free(m.td);
}

/** No large page over what is partly shared. */
function* test_mixed(): wait {
	const m = new mapped_td(function* () {
		yield* td_long_mode();
		yield* td_report(yield* td_accept(DATA, 1));
		yield* td_report(yield* td_accept(DATA));
		yield* td_report(yield* td_accept(DATA + HPAGE, 1));
	});

	td_convert(m.td, HOLE, PAGE, false);
	yield* m.reports([TDX_PAGE_SIZE_MISMATCH, 0, 0], "mixed");
	m.expect([1, 1, 0], "mixed");
	td_free(m.td);
}

export function* main(): wait<number> {
	td_require();

	const period = read_file(PERIOD)!, ratio = read_file(RATIO)!;
	TEST_ASSERT(write_file(SHMEM_ENABLED, "always") === 0 && write_file(PERIOD, "1") === 0 &&
		write_file(RATIO, "1") === 0, "parameters");
	yield* test_merge();
	yield* test_pending();
	yield* test_remap();
	yield* test_mixed();
	write_file(SHMEM_ENABLED, "never");
	write_file(PERIOD, period);
	write_file(RATIO, ratio);
	return 0;
}
